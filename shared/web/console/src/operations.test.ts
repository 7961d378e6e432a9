import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const HERE = import.meta.dirname;
const DOCUMENT = join(HERE, '../../../contract/openapi.json');

/** What the console does not call, and why. Everything else of the document it does. */
const NOT_CALLED: Record<string, string> = {
  'account-get-key': 'the list has all of a key',
  'admin-get-report': 'the list has links to the files of a report, which are opened',
  'billing-get-invoice-pdf': 'the list has the link to the file of an invoice, which is opened',
  'edge-get-config': 'it is read before there is a client (config.ts)',
  'edge-get-docs': 'a page of the service, which the page of API keys links to',
  'edge-get-docs-file': 'a part of that page',
  'edge-get-health': 'for monitors',
  'edge-get-openapi': 'for programs',
  'edge-get-problem': 'a page of the service, whose address is the type of a problem',
  'edge-webhook-bria': 'for the provider of images',
  'edge-webhook-stripe': 'for Stripe',
  'marketplace-follow-share': 'a link that people follow to the console',
  'marketplace-follow-share-head': 'as above, for what previews links',
};

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => /\.tsx?$/.test(name) && !name.includes('.test.'))
    .map(name => readFileSync(join(folder, name), 'utf8'));
}

/** `get /api/v1/me/keys/{}` for a path that is written with values in place of `{id}`. */
function written(verb: string, path: string): string {
  const plain = path.replace(/\?.*$/, '').replaceAll(/\$?\{[^}]*\}/g, '{}');
  return `${verb === 'read' ? 'get' : verb} ${plain}`;
}

/** Every call of a file, its named paths put in place of their names. */
function calls(source: string): string[] {
  const named = [...source.matchAll(/const (\w+) = [`'](\/api\/[^`']+)[`']/g)];
  let text = source;
  for (const [, name, path] of named) {
    text = text.replaceAll(`\${${name}}`, path ?? '').replaceAll(`(${name},`, `('${path}',`);
    text = text.replaceAll(`(${name})`, `('${path}')`);
  }
  const made = text.matchAll(/\.(get|read|post|put|patch|delete)\(\s*[`'](\/api\/[^`']+)[`']/g);
  const opened = text.matchAll(/path=\{?[`'](\/api\/[^`']+)[`']/g);
  return [
    ...[...made].map(([, verb = '', path = '']) => written(verb, path)),
    ...[...opened].map(([, path = '']) => written('get', path)),
  ];
}

it('the console calls every operation of the document, but for those with a reason', () => {
  const { paths } = JSON.parse(readFileSync(DOCUMENT, 'utf8')) as {
    paths: Record<string, Record<string, { operationId?: string }>>;
  };
  const called = new Set(sources(HERE).flatMap(calls));
  const uncalled = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([verb, { operationId }]) => operationId && !called.has(written(verb, path)))
      .map(([, { operationId }]) => operationId),
  );
  expect(uncalled.sort()).toEqual(Object.keys(NOT_CALLED).sort());
});
