import { Alert, Button, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import type { AuditRow } from '@prolight/client';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { count, dateTime, Words } from '../../ui/format.tsx';
import { Empty, List, usePages } from '../../ui/lists.tsx';
import { announceProblem } from '../../ui/problem.tsx';
import { Scroll } from '../../ui/Scroll.tsx';

/** Every decision, and the proof that none was changed. */
export function Audit() {
  const api = useApi();
  const [actor, setActor] = useState('');
  const [target, setTarget] = useState('');
  const [asked] = useDebouncedValue({ actor: actor.trim(), target: target.trim() }, 300);
  const list = usePages(['staff', 'audit', asked], async (cursor, signal) => {
    const query = { ...asked, limit: 30, cursor };
    const page = await api.get('/api/v1/admin/audit', query, signal);
    return 'items' in page ? page : { items: [], next_cursor: null };
  });
  const verify = useMutation({
    mutationFn: async () => {
      let cursor: string | undefined;
      for (;;) {
        const page = await api.get('/api/v1/admin/audit', { verify: true, cursor });
        if ('items' in page) throw new Error('The service listed the entries and verified none.');
        if (page.broken || page.next_cursor === null) return page;
        cursor = page.next_cursor;
      }
    },
    onError: error => announceProblem(error, 'Verify'),
  });
  return (
    <>
      <div className="columns">
        <TextInput
          label="By"
          placeholder="id of a staff member, or name of a job"
          value={actor}
          onChange={event => setActor(event.currentTarget.value)}
        />
        <TextInput
          label="On"
          placeholder="user:user_1, listing:lst_…"
          value={target}
          onChange={event => setTarget(event.currentTarget.value)}
        />
      </div>
      <div className="row">
        <Button
          size="xs"
          variant="default"
          loading={verify.isPending}
          onClick={() => verify.mutate()}
        >
          Verify the chain
        </Button>
        {verify.data && (
          <span role="status" className={verify.data.broken ? 'down' : 'up'}>
            {verify.data.broken
              ? `Broken after entry ${verify.data.verified}.`
              : `All ${count(verify.data.verified)} entries are intact.`}
          </span>
        )}
      </div>
      {verify.data?.broken && (
        <Alert color="red" title="The audit was altered">
          Entry {verify.data.broken.seq} does not match its hash.
        </Alert>
      )}
      <List query={list} empty="No entry matches.">
        <AuditRows rows={list.items} />
      </List>
    </>
  );
}

export function AuditRows({ rows }: { rows: AuditRow[] }) {
  if (rows.length === 0) return <Empty>No entry.</Empty>;
  return (
    <Scroll label="Audit entries">
      <table className="plain">
        <thead>
          <tr>
            <th className="right">No.</th>
            <th>When</th>
            <th>Who</th>
            <th>What</th>
            <th>On</th>
            <th>Why</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(it => (
            <tr key={it.seq}>
              <td className="right quiet">{it.seq}</td>
              <td className="when">{dateTime(it.at)}</td>
              <td>{it.actor.kind === 'staff' ? (it.actor.name ?? it.actor.id) : it.actor.name}</td>
              <td>{Words(it.action)}</td>
              <td className="small">{it.target.name ?? `${it.target.kind}:${it.target.id}`}</td>
              <td>
                {it.reason}
                {(it.before !== null || it.after !== null) && (
                  <details>
                    <summary className="small quiet">Change</summary>
                    <pre className="code">
                      {JSON.stringify({ before: it.before, after: it.after }, null, 2)}
                    </pre>
                  </details>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
