import { Button, Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import { Copy } from './Copy.tsx';
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
