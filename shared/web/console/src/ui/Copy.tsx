import { Button } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useState } from 'react';

/** Copies a text; where the browser allows it to nobody, the text is selected by hand. */
export function Copy({ text }: { text: string }) {
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
