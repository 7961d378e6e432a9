import { Button, Modal } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import classes from './Secret.module.css';

/** Something that is shown once: it is copied, and gone with the dialog. */
export function Secret({
  title,
  value,
  children,
  onClose,
}: {
  title: string;
  /** The secret while it is shown. */
  value: string | undefined;
  children: ReactNode;
  onClose: () => void;
}) {
  return (
    <Modal
      opened={value !== undefined}
      onClose={onClose}
      title={title}
      // A stray click beside the dialog would lose it.
      closeOnClickOutside={false}
    >
      <div className="stack">
        <div>{children}</div>
        {value !== undefined && (
          <>
            <code className={classes.secret}>{value}</code>
            <div className="row">
              <Copy text={value} />
              <Button variant="default" onClick={onClose}>
                I have kept it
              </Button>
            </div>
          </>
        )}
      </div>
    </Modal>
  );
}

/** Copies a text; where the browser allows it to nobody, the text is selected by hand. */
function Copy({ text }: { text: string }) {
  const [state, setState] = useState<'copied' | 'refused'>();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setState('copied');
    } catch {
      setState('refused');
    }
  };
  return (
    <>
      <Button
        data-autofocus
        leftSection={state === 'copied' ? <IconCheck size={16} /> : <IconCopy size={16} />}
        onClick={copy}
      >
        {state === 'copied' ? 'Copied' : 'Copy'}
      </Button>
      <span className="visually-hidden" role="status">
        {state === 'copied' && 'It is in your clipboard.'}
      </span>
      {state === 'refused' && (
        <span className="small" role="alert">
          The browser does not let the page copy it: select it instead.
        </span>
      )}
    </>
  );
}
