import { localProblem } from './problem.ts';

/** A signed form that one file may be sent with, as `POST .../uploads` gives it. */
export interface UploadForm {
  url: string;
  fields: Record<string, string>;
}

export interface UploadOptions {
  /** Told how much of the file has been sent, from 0 to 1. */
  onProgress?: (share: number) => void;
  signal?: AbortSignal;
}

/**
 * Sends a file to the storage. XMLHttpRequest, because `fetch` does not say how much it has sent.
 */
export function sendFile(form: UploadForm, file: Blob, options: UploadOptions = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const { onProgress, signal } = options;
    const body = new FormData();
    for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
    // The storage ignores every field after the file.
    body.append('file', file);
    const request = new XMLHttpRequest();
    request.open('POST', form.url);
    request.upload.onprogress = event => {
      if (event.lengthComputable) onProgress?.(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) {
        onProgress?.(1);
        resolve();
      } else {
        reject(
          localProblem(
            'unreadable_answer',
            'The file was refused',
            `The storage refused the file (${storageSays(request.responseText) ?? request.status}).`,
          ),
        );
      }
    };
    request.onerror = () =>
      reject(localProblem('no_connection', 'No connection', 'The file could not be sent.'));
    request.onabort = () => reject(signal?.reason ?? new DOMException('aborted', 'AbortError'));
    signal?.addEventListener('abort', () => request.abort(), { once: true });
    if (signal?.aborted) request.abort();
    else request.send(body);
  });
}

/** The message in S3's XML, if there is one. */
function storageSays(xml: string): string | undefined {
  return /<Message>([^<]{1,200})<\/Message>/.exec(xml)?.[1];
}
