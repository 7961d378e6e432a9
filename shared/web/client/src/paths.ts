import type { paths } from './schema.ts';

/** The paths of the document, as they are written with values in place of `{id}`. */
type Written<P extends string> = P extends `${infer Before}{${string}}${infer After}`
  ? `${Before}${string}${Written<After>}`
  : P;

export type Verb = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** The paths that have an operation of this verb. */
type Known<V extends Verb> = {
  [P in keyof paths & string]: V extends keyof paths[P]
    ? paths[P][V] extends { responses: unknown }
      ? P
      : never
    : never;
}[keyof paths & string];

/** What may be asked for with this verb. */
export type PathOf<V extends Verb> = Written<Known<V>>;

/** The path of the document that `P` is a written form of. */
type Meant<V extends Verb, P extends string> = {
  [K in Known<V>]: P extends Written<K> ? (Written<K> extends P ? K : never) : never;
}[Known<V>];

/** `P`, if it is a written form of exactly one path: `${string}` alone would take slashes as well. */
export type Exact<V extends Verb, P extends string> = [Meant<V, P>] extends [never] ? never : P;

type Operation<V extends Verb, P extends string> = paths[Meant<V, P>] extends { [v in V]: infer O }
  ? O
  : never;

type Json<Response> = Response extends { content: { 'application/json': infer Body } }
  ? Body
  : undefined;

/** What the operation answers when it succeeds. */
export type AnswerOf<V extends Verb, P extends string> =
  Operation<V, P> extends {
    responses: infer Responses;
  }
    ? {
        [Status in keyof Responses & (200 | 201 | 202 | 204)]: Json<Responses[Status]>;
      }[keyof Responses & (200 | 201 | 202 | 204)]
    : never;

/** What the operation takes. */
export type BodyOf<V extends Verb, P extends string> =
  Operation<V, P> extends {
    requestBody?: { content: { 'application/json': infer Body } };
  }
    ? Body
    : undefined;
