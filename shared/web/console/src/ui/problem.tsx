import { Alert, Button } from '@mantine/core';
import { isProblem, Problem } from '@prolight/client';
import { useServices } from '../context.tsx';
import { Words } from './format.tsx';
import { showToast } from './Toasts.tsx';

/** What went wrong, in the service's own words, and what to do. */
export function ProblemNotice({ error, retry }: { error: unknown; retry?: () => void }) {
  const { session } = useServices();
  if (isProblem(error) && error.status === 401) {
    return (
      <Alert color="tungsten" title="Sign in to go on" variant="light">
        <div className="stack">
          <span>This belongs to a member. What you entered is kept.</span>
          <div>
            <Button size="xs" onClick={() => session.begin(location.pathname + location.search)}>
              Sign in
            </Button>
          </div>
        </div>
      </Alert>
    );
  }
  const title = isProblem(error) ? error.title : 'Something failed';
  return (
    <Alert color="red" title={title} variant="light" role="alert">
      <div className="stack">
        <ProblemText error={error} />
        {retry && (
          <div>
            <Button size="xs" variant="default" onClick={retry}>
              Try again
            </Button>
          </div>
        )}
      </div>
    </Alert>
  );
}

/** The detail, each invalid field, and the number that support asks for. */
export function ProblemText({ error }: { error: unknown }) {
  if (!isProblem(error))
    return <span>{error instanceof Error ? error.message : String(error)}</span>;
  return (
    <div>
      {error.errors.length === 0 && <p>{error.detail}</p>}
      {error.code === 'no_connection' && <p>Check your connection; nothing you entered is lost.</p>}
      {error.errors.length > 0 && (
        <ul>
          {error.errors.map(field => (
            <li key={`${field.pointer} ${field.code}`}>
              {field.pointer !== '' && <b>{place(field.pointer)}: </b>}
              {field.detail}
            </li>
          ))}
        </ul>
      )}
      {error.retryAfterS !== undefined && (
        <p>Possible again in {Math.ceil(error.retryAfterS)} seconds.</p>
      )}
      {error.requestId && <p className="small quiet">Request {error.requestId}</p>}
    </div>
  );
}

/** Fields that a form calls otherwise than the API. */
const FIELDS: Record<string, string> = { '/price/amount': 'Price', '/previews': 'Pictures' };

/** `/lighting/lights/2/elevation` for people. */
export function place(pointer: string): string {
  const parts = pointer
    .split('/')
    .filter(part => part !== '')
    .map(part => (/^\d+$/.test(part) ? String(Number(part) + 1) : part));
  return FIELDS[pointer] ?? Words(parts.join(', '));
}

/** Says that an action failed, under a title of its own where one says more. */
export function announceProblem(error: unknown, action: string, title?: string): void {
  if (error instanceof DOMException && error.name === 'AbortError') return;
  const long = error instanceof Problem && error.errors.length > 0;
  const said = `${action}: ${isProblem(error) ? error.title.toLowerCase() : 'failed'}`;
  showToast(
    { kind: 'failed', title: title ?? said, message: <ProblemText error={error} /> },
    long ? 15_000 : 9_000,
  );
}

/** Says what an action did. */
export function announce(message: string): void {
  showToast({ kind: 'said', message }, 5_000);
}
