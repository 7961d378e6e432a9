import { Button, Modal, Select, Textarea } from '@mantine/core';
import type { About, FlagReason } from '@prolight/client';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useServices, useSignedIn } from '../../context.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';

const REASONS: { value: FlagReason; label: string }[] = [
  { value: 'copied', label: 'It copies another’s work' },
  { value: 'misleading', label: 'It is not what it claims to be' },
  { value: 'prohibited', label: 'It shows prohibited content' },
  { value: 'broken', label: 'It does not work' },
  { value: 'spam', label: 'It is spam' },
  { value: 'abusive', label: 'It insults or threatens' },
];
const TEXT_MAX = 500;

/** Something on a listing's page that may be reported. */
export interface Reportable {
  about: About;
  /** What it is called in the form. */
  label: string;
  image_id?: string;
  review_id?: string;
}

/** A member's report of a listing, or of a picture, a review or a person on its page. */
export function Report({
  listingId,
  title,
  choices,
}: {
  listingId: string;
  title: string;
  choices: [Reportable, ...Reportable[]];
}) {
  const { session, api } = useServices();
  const signedIn = useSignedIn();
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState<string>();
  const [reason, setReason] = useState<FlagReason>();
  const [text, setText] = useState('');
  const what = choices.find(it => it.label === chosen) ?? choices[0];
  const report = useMutation({
    mutationFn: async () => {
      const { label: _, ...about } = what;
      const more = text.trim() === '' ? {} : { text };
      return (
        reason &&
        api.post(`/api/v1/marketplace/listings/${listingId}/flags`, { ...about, ...more, reason })
      );
    },
    onSuccess: () => {
      setOpen(false);
      setText('');
      announce('Thank you. Our moderators look at what is reported.');
    },
    onError: error => announceProblem(error, 'Report'),
  });
  return (
    <>
      <Button
        size="compact-sm"
        variant="subtle"
        color="gray"
        aria-label={title}
        onClick={() => (signedIn ? setOpen(true) : session.begin(`/market/listings/${listingId}`))}
      >
        Report
      </Button>
      <Modal opened={open} onClose={() => setOpen(false)} title={title}>
        <form
          className="stack"
          onSubmit={event => {
            event.preventDefault();
            report.mutate();
          }}
        >
          {choices.length > 1 && (
            <Select
              label="What you report"
              allowDeselect={false}
              data={choices.map(it => it.label)}
              value={what.label}
              onChange={value => setChosen(value ?? undefined)}
            />
          )}
          <Select
            label="What is wrong with it"
            data={REASONS}
            value={reason ?? null}
            onChange={value => setReason(REASONS.find(it => it.value === value)?.value)}
          />
          <Textarea
            label="In your own words"
            description="Only our moderators read it. It may be empty."
            autosize
            minRows={2}
            maxLength={TEXT_MAX}
            value={text}
            onChange={event => setText(event.currentTarget.value)}
          />
          <Button type="submit" loading={report.isPending} disabled={reason === undefined}>
            Report
          </Button>
        </form>
      </Modal>
    </>
  );
}
