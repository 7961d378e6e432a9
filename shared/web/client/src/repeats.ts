import type { paths } from './schema.ts';

/**
 * The operations that ignore the `Idempotency-Key` and do more with every repeat: if the answer to
 * one of them is lost, a second request would make another upload or key, or send another event.
 */
export const NEVER_REPEATED: readonly (keyof paths)[] = [
  '/api/v1/marketplace/listings/{id}/uploads',
  '/api/v1/me/keys',
  '/api/v1/me/webhooks/{id}/deliveries/{delivery_id}/redeliver',
  '/api/v1/me/webhooks/{id}/test',
];

const WRITTEN = NEVER_REPEATED.map(path => RegExp(`${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`));

/** Whether a request may be sent again without a second effect. */
export function mayBeRepeated(method: string | undefined, url: string): boolean {
  if (method !== 'POST') return method !== 'PATCH';
  const { pathname } = new URL(url);
  return !WRITTEN.some(path => path.test(pathname));
}
