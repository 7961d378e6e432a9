/** One invalid field of a request. `pointer` is an RFC 6901 pointer into its body. */
export interface FieldProblem {
  pointer: string;
  code: string;
  detail: string;
}

/** The body of a refusal (RFC 9457), as the API sends it. */
export interface ProblemBody {
  type?: string;
  title: string;
  status: number;
  code: string;
  detail?: string;
  request_id?: string;
  errors?: FieldProblem[];
  [extension: string]: unknown;
}

/** Codes that this client makes itself, where there is no answer of the API. */
export type LocalCode =
  | 'no_connection'
  | 'timeout'
  | 'signed_out'
  | 'unreadable_answer'
  /** An answer of success that is no JSON, where JSON was asked for. */
  | 'not_json'
  /** What is waited for has not ended within the limit. */
  | 'still_open';

/** A refusal of the API, or the lack of an answer. `code` says which; `body` has its details. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors: FieldProblem[];
  readonly requestId: string | undefined;
  /**
   * Seconds after which a repeat makes sense, if the API said so. The client itself waits for a few
   * seconds at most; a longer wait is the caller's decision.
   */
  readonly retryAfterS: number | undefined;
  readonly body: ProblemBody;

  constructor(body: ProblemBody, retryAfterS?: number, options?: ErrorOptions) {
    super(body.detail ?? body.title, options);
    this.status = body.status;
    this.code = body.code;
    this.title = body.title;
    this.detail = body.detail ?? body.title;
    this.errors = body.errors ?? [];
    this.requestId = body.request_id;
    this.retryAfterS = retryAfterS;
    this.body = body;
  }

  /** The message of the field at `pointer`, if it is invalid. */
  field(pointer: string): string | undefined {
    return this.errors.find(error => error.pointer === pointer)?.detail;
  }

  /** Whether a repeat with the same key may succeed. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Whether `error` is a problem, with this code if one is given. */
export function isProblem(error: unknown, code?: string): error is Problem {
  return error instanceof Problem && (code === undefined || error.code === code);
}

/** A problem of this client's own, with the error that it comes from as its `cause`. */
export function localProblem(
  code: LocalCode,
  title: string,
  detail: string,
  options?: ErrorOptions,
): Problem {
  return new Problem({ title, status: 0, code, detail }, undefined, options);
}

/** The seconds in `Retry-After`: a number, or the time that a proxy may write instead. */
export function retryAfterOf(answer: Response): number | undefined {
  const text = answer.headers.get('Retry-After') ?? '';
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return seconds > 0 ? Math.ceil(seconds) : undefined;
}

/** The problem in an answer that is not 2xx, whoever sent it. */
export async function problemOf(answer: Response): Promise<Problem> {
  const retryAfterS = retryAfterOf(answer);
  const requestId = answer.headers.get('x-request-id') ?? undefined;
  const text = await answer.text().catch(() => '');
  try {
    const body = JSON.parse(text) as Partial<ProblemBody>;
    if (typeof body.code === 'string' && typeof body.title === 'string') {
      const whole = { request_id: requestId, ...body, status: answer.status } as ProblemBody;
      return new Problem(whole, retryAfterS);
    }
  } catch {
    // A proxy's page: the status says enough.
  }
  const body: ProblemBody = {
    title: answer.statusText || 'The service did not answer as expected',
    status: answer.status,
    code: 'unreadable_answer',
    detail: `The service answered ${answer.status} without an explanation.`,
    request_id: requestId,
  };
  return new Problem(body, retryAfterS);
}
