import { Button, FileButton, Progress } from '@mantine/core';
import {
  contentTypeOf,
  type OwnListing,
  sendFile,
  type UploadState,
  waitFor,
} from '@prolight/client';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { announceProblem } from '../../ui/problem.tsx';
import { BeginVersion, Files } from './Files.tsx';
import { isInReview, limitsInWords, termsOf } from './listing.ts';

interface Sending {
  id: number;
  name: string;
  share: number;
  note: string;
  failed: boolean;
}

let count = 0;

/** The pictures anybody sees, and the files that buyers get. */
export function Uploads({
  it,
  onChange,
  onStored,
}: {
  it: OwnListing;
  onChange: () => void;
  onStored: (now: OwnListing) => void;
}) {
  const api = useApi();
  const terms = termsOf(it.type);
  const hasFiles = terms !== undefined && terms.assets.accept.length > 0;
  const isEditable = it.review.status !== 'published' && !isInReview(it);
  const [sending, setSending] = useState<Sending[]>([]);
  const change = (id: number, part: Partial<Sending>) =>
    setSending(all => all.map(one => (one.id === id ? { ...one, ...part } : one)));

  async function send(purpose: 'preview' | 'asset', file: File) {
    count += 1;
    const id = count;
    setSending(all => [...all, { id, name: file.name, share: 0, note: 'sending', failed: false }]);
    try {
      const form = await api.post(`/api/v1/marketplace/listings/${it.id}/uploads`, {
        purpose,
        content_type: contentTypeOf(file),
        bytes: file.size,
        file_name: file.name,
      });
      await sendFile(form, file, { onProgress: share => change(id, { share }) });
      change(id, { share: 1, note: 'being inspected' });
      const path = `/api/v1/marketplace/listings/${it.id}/uploads/${form.id}` as const;
      const done = await waitFor<UploadState>({
        read: signal => api.read(path, signal),
        isFinal: state => state.status !== 'waiting',
        signal: AbortSignal.timeout(180_000),
      });
      if (done.status === 'refused') {
        change(id, { note: done.detail ?? 'it was refused', failed: true });
      } else {
        setSending(all => all.filter(one => one.id !== id));
        onChange();
      }
    } catch (error) {
      change(id, { note: error instanceof Error ? error.message : 'it failed', failed: true });
      announceProblem(error, `Upload ${file.name}`);
    }
  }
  const sendAll = (purpose: 'preview' | 'asset', files: File[]) => {
    for (const file of files) void send(purpose, file);
  };
  return (
    <section className="panel stack" aria-labelledby="pictures">
      <div className="row between">
        <h2 id="pictures">Pictures and files</h2>
        <div className="row">
          <FileButton
            multiple
            accept={terms?.previews.accept.join(',')}
            onChange={files => sendAll('preview', files)}
          >
            {props => (
              <Button {...props} size="xs" variant="default" disabled={!isEditable}>
                Add pictures
              </Button>
            )}
          </FileButton>
          {hasFiles && (
            <FileButton
              multiple
              accept={terms.assets.accept.join(',')}
              onChange={files => sendAll('asset', files)}
            >
              {props => (
                <Button {...props} size="xs" variant="default" disabled={!isEditable}>
                  Add files for buyers
                </Button>
              )}
            </FileButton>
          )}
        </div>
      </div>
      {terms && (
        <p className="small quiet">
          Pictures: {limitsInWords(terms.previews)}.
          {hasFiles && ` Files for buyers: ${limitsInWords(terms.assets)}.`}
        </p>
      )}
      {!isEditable && (
        <div className="row">
          <span className="quiet">
            {it.review.status === 'published'
              ? 'Pictures and files are added to the next version.'
              : 'While it is prepared and reviewed, nothing is added to it.'}
          </span>
          <BeginVersion it={it} onStored={onStored} />
        </div>
      )}
      {it.previews.length === 0 && (
        <p className="quiet">
          {it.type === 'model_finetune'
            ? 'Buyers see pictures first: add at least one.'
            : 'Without pictures of yours, one is drawn from it when it is submitted.'}
        </p>
      )}
      <Files it={it} />
      {sending.map(one => (
        <div key={one.id} className="stack" role={one.failed ? 'alert' : 'status'}>
          <div className="row between">
            <span className={one.failed ? 'down' : undefined}>
              {one.name}: {one.note}
            </span>
            {one.failed && (
              <Button
                size="compact-xs"
                variant="default"
                onClick={() => setSending(all => all.filter(it => it.id !== one.id))}
              >
                Dismiss
              </Button>
            )}
          </div>
          {!one.failed && (
            <Progress value={100 * one.share} size="sm" aria-label={`Upload of ${one.name}`} />
          )}
        </div>
      ))}
    </section>
  );
}
