import { localProblem, type Problem } from './problem.ts';
import type { paths } from './schema.ts';

/** A content type that an upload may have. */
export type ContentType =
  paths['/api/v1/marketplace/listings/{id}/uploads']['post']['requestBody']['content']['application/json']['content_type'];

const CONTENT_TYPES: Record<ContentType, true> = {
  'image/png': true,
  'image/jpeg': true,
  'image/webp': true,
  'application/zip': true,
  'application/octet-stream': true,
  'text/plain': true,
};

/** The content type to upload a file as: its own, or that of any bytes. */
export function contentTypeOf(file: Blob): ContentType {
  const isKnown = (type: string): type is ContentType => type in CONTENT_TYPES;
  return isKnown(file.type) ? file.type : 'application/octet-stream';
}

/** A signed form that one file may be sent with, as `POST .../uploads` gives it. */
export interface UploadForm {
  url: string;
  fields: Record<string, string>;
}

export interface UploadOptions {
  /**
   * Told how much of the file has been sent, from 0 to 1; outside of a browser only that all of it
   * has.
   */
  onProgress?: (share: number) => void;
  signal?: AbortSignal;
}

/** Sends a file to the storage. A refusal of the storage is thrown as a problem. */
export async function sendFile(
  form: UploadForm,
  file: Blob,
  options: UploadOptions = {},
): Promise<void> {
  const body = new FormData();
  for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
  // The storage ignores every field after the file.
  body.append('file', file);
  const send = typeof XMLHttpRequest === 'undefined' ? sendByFetch : sendByXhr;
  const { status, text } = await send(form.url, body, options);
  if (status < 200 || status >= 300) {
    throw localProblem(
      'unreadable_answer',
      'The file was refused',
      `The storage refused the file (${storageSays(text) ?? status}).`,
    );
  }
  options.onProgress?.(1);
}

interface StorageAnswer {
  status: number;
  text: string;
}

/** Only XMLHttpRequest says how much it has sent. */
function sendByXhr(url: string, body: FormData, options: UploadOptions): Promise<StorageAnswer> {
  return new Promise((resolve, reject) => {
    const { onProgress, signal } = options;
    const request = new XMLHttpRequest();
    request.open('POST', url);
    request.upload.onprogress = event => {
      if (event.lengthComputable) onProgress?.(event.loaded / event.total);
    };
    request.onload = () => resolve({ status: request.status, text: request.responseText });
    request.onerror = () => reject(notSent());
    request.onabort = () => reject(signal?.reason ?? new DOMException('aborted', 'AbortError'));
    signal?.addEventListener('abort', () => request.abort(), { once: true });
    if (signal?.aborted) request.abort();
    else request.send(body);
  });
}

async function sendByFetch(
  url: string,
  body: FormData,
  { signal }: UploadOptions,
): Promise<StorageAnswer> {
  try {
    const answer = await fetch(url, { method: 'POST', body, signal });
    return { status: answer.status, text: await answer.text() };
  } catch (error) {
    throw signal?.aborted ? error : notSent(error);
  }
}

function notSent(cause?: unknown): Problem {
  return localProblem('no_connection', 'No connection', 'The file could not be sent.', { cause });
}

/** The message in S3's XML, if there is one. */
function storageSays(xml: string): string | undefined {
  return /<Message>([^<]{1,200})<\/Message>/.exec(xml)?.[1];
}
