import { Button, Modal, Textarea, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';

/** A button whose action is explained, and given a reason where one is needed, before it is done. */
export function Confirm({
  action,
  label,
  title,
  children,
  onConfirm,
  busy,
  danger,
  reason,
  typed,
  size = 'xs',
}: {
  action: string;
  /** What the button is called where several of its kind are on a page. */
  label?: string;
  title: string;
  children: ReactNode;
  onConfirm: (reason: string, close: () => void) => void;
  busy: boolean;
  danger?: boolean;
  /** The label of a required reason. */
  reason?: string;
  /** A word to type first. */
  typed?: string;
  size?: 'xs' | 'sm';
}) {
  const [open, setOpen] = useState(false);
  const [why, setWhy] = useState('');
  const [word, setWord] = useState('');
  const close = () => {
    setOpen(false);
    setWhy('');
    setWord('');
  };
  const ready =
    (reason === undefined || why.trim() !== '') && (typed === undefined || word === typed);
  return (
    <>
      <Button
        size={size}
        variant={danger ? 'light' : 'default'}
        color={danger ? 'red' : undefined}
        aria-label={label}
        onClick={() => setOpen(true)}
      >
        {action}
      </Button>
      <Modal opened={open} onClose={close} title={title}>
        <form
          className="stack"
          onSubmit={event => {
            event.preventDefault();
            if (ready) onConfirm(why, close);
          }}
        >
          <div>{children}</div>
          {reason !== undefined && (
            <Textarea
              label={reason}
              required
              maxLength={500}
              autosize
              minRows={2}
              value={why}
              onChange={event => setWhy(event.currentTarget.value)}
            />
          )}
          {typed !== undefined && (
            <TextInput
              label={`Type “${typed}” to go on`}
              autoComplete="off"
              value={word}
              onChange={event => setWord(event.currentTarget.value)}
            />
          )}
          <div className="row">
            <Button
              type="submit"
              color={danger ? 'red' : undefined}
              loading={busy}
              disabled={!ready}
            >
              {action}
            </Button>
            <Button variant="default" onClick={close}>
              Leave it
            </Button>
          </div>
        </form>
      </Modal>
    </>
  );
}
