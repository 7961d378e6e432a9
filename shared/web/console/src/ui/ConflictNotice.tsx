import { Alert, Button } from '@mantine/core';
import { words } from './format.tsx';
import type { Edit } from './useEdit.ts';

/** Says that something was changed elsewhere while it was edited here, and what can be done. */
export function ConflictNotice<T>({
  edit,
  onLoad = edit.discard,
}: {
  edit: Pick<Edit<T>, 'conflict' | 'isSaving' | 'discard' | 'keep'>;
  /** What loads what is stored; it takes the place of the draft if absent. */
  onLoad?: (stored: T) => void;
}) {
  const { conflict } = edit;
  if (!conflict) return null;
  return (
    <Alert color="tungsten" variant="light" title="It was changed elsewhere" role="alert">
      <div className="stack">
        <span>
          Since you opened it here, this was changed in another tab or by a program:{' '}
          {conflict.fields.map(words).join(', ') || 'its state'}. What you entered is still here,
          and is not saved.
        </span>
        <div className="row">
          <Button
            size="xs"
            variant="default"
            disabled={edit.isSaving}
            onClick={() => onLoad(conflict.stored)}
          >
            Load what is stored
          </Button>
          <Button size="xs" variant="default" disabled={edit.isSaving} onClick={edit.keep}>
            Keep mine and save over it
          </Button>
        </div>
      </div>
    </Alert>
  );
}
