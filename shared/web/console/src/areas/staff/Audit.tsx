import { Alert, Button, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import type { AuditAction, AuditRow } from '@prolight/client';
import { useMutation } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useApi } from '../../context.tsx';
import { count, dateTime, Words } from '../../ui/format.tsx';
import { Empty, List, usePages } from '../../ui/lists.tsx';
import { announceProblem } from '../../ui/problem.tsx';
import { Source } from '../../ui/Source.tsx';
import { Table } from '../../ui/Table.tsx';
import { actorOf, reasonOf } from './causes.ts';
import { Filter } from './Filter.tsx';
import classes from './Staff.module.css';

const ACTIONS: AuditAction[] = [
  'approve_listing',
  'ban',
  'decline_refund',
  'delist_listing',
  'dismiss_flags',
  'end_surplus',
  'erase_member',
  'grant_credits',
  'grant_reward',
  'payout_failed',
  'payout_paid',
  'payout_sent',
  'read_member',
  'record_paid_back',
  'refund',
  'refund_late_payment',
  'reject_listing',
  'remove_pictures',
  'remove_review',
  'reopen_payout',
  'request_deletion',
  'reverse_decision',
  'reverse_transfer',
  'send_payout',
  'set_limits',
  'stop_renewal',
  'strike',
  'take_back_credits',
  'unban',
  'uphold_decision',
  'uphold_flags',
];

/** Without one, the service lists what staff decide; with somebody or something named, both. */
const CHAINS = [
  { value: 'staff', label: 'Staff' },
  { value: 'jobs', label: 'Jobs' },
  { value: 'all', label: 'Staff and jobs' },
];

/** The first moment of a day of the reader's calendar, or of one some days later. */
function startOfDay(day: string, later = 0): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}

/** Every decision, and the proof that none was changed. */
export function Audit() {
  const api = useApi();
  const search = useSearch({ from: '/staff' });
  const navigate = useNavigate();
  const { by, on, what = null, chain = null, from = '', to = '' } = search;
  const [actor, setActor] = useState(by ?? '');
  const [target, setTarget] = useState(on ?? '');
  const narrow = (part: Partial<typeof search>) =>
    navigate({ to: '/staff', search: now => ({ ...now, ...part }), replace: true });
  const typed = JSON.stringify({ by: actor.trim(), on: target.trim() });
  const [settled] = useDebouncedValue(typed, 300);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once it is typed.
  useEffect(() => {
    const now = JSON.parse(settled) as { by: string; on: string };
    if (now.by !== (by ?? '') || now.on !== (on ?? '')) {
      void narrow({ by: now.by || undefined, on: now.on || undefined });
    }
  }, [settled]);
  const asked = {
    actor: by ?? '',
    target: on ?? '',
    action: what,
    chain,
    from: from && startOfDay(from),
    to: to && startOfDay(to, 1),
  };
  const list = usePages(['staff', 'audit', asked], async (cursor, signal) => {
    const query = { ...asked, limit: 30, cursor };
    const page = await api.get('/api/v1/admin/audit', query, signal);
    return 'items' in page ? page : { items: [], next_cursor: null };
  });
  const verify = useMutation({
    mutationFn: async () => {
      let cursor: string | undefined;
      const verified = new Map<string, number>();
      for (;;) {
        const query = { verify: true, chain: 'all', cursor };
        const page = await api.get('/api/v1/admin/audit', query);
        if ('items' in page) throw new Error('The service listed the entries and verified none.');
        verified.set(page.chain, page.verified);
        if (page.broken || page.next_cursor === null) {
          const total = [...verified.values()].reduce((sum, it) => sum + it, 0);
          return { ...page, total };
        }
        cursor = page.next_cursor;
      }
    },
    onError: error => announceProblem(error, 'Verify'),
  });
  return (
    <>
      <div className={classes.filters}>
        <TextInput
          label="By"
          placeholder="user_…, or a job"
          value={actor}
          onChange={event => setActor(event.currentTarget.value)}
        />
        <TextInput
          label="On"
          placeholder="user:…, listing:…"
          value={target}
          onChange={event => setTarget(event.currentTarget.value)}
        />
        <Filter
          label="What"
          any="Any decision"
          values={ACTIONS}
          value={what}
          onChange={value => narrow({ what: value ?? undefined })}
        />
        <Filter
          label="Decided by"
          any={by === undefined && on === undefined ? 'Staff' : 'Staff and jobs'}
          values={CHAINS}
          value={chain}
          onChange={value => narrow({ chain: value ?? undefined })}
        />
        <TextInput
          label="From"
          type="date"
          max={to}
          value={from}
          onChange={event => narrow({ from: event.currentTarget.value || undefined })}
        />
        <TextInput
          label="To"
          type="date"
          min={from}
          value={to}
          onChange={event => narrow({ to: event.currentTarget.value || undefined })}
        />
      </div>
      <div className="row">
        <Button
          size="xs"
          variant="default"
          loading={verify.isPending}
          onClick={() => verify.mutate()}
        >
          Verify the chains
        </Button>
        {verify.data && (
          <span role="status" className={verify.data.broken ? 'down' : 'up'}>
            {verify.data.broken
              ? `Chain ${verify.data.chain} is broken after entry ${verify.data.verified}.`
              : `All ${count(verify.data.total)} entries in all chains are intact.`}
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
    <Table
      label="Audit entries"
      rows={rows}
      id={it => `${it.chain} ${it.seq}`}
      columns={[
        { name: 'Chain', cell: it => <span className="quiet">{Words(it.chain)}</span> },
        { name: 'No.', is: 'number', cell: it => <span className="quiet">{it.seq}</span> },
        { name: 'When', is: 'day', cell: it => dateTime(it.at) },
        {
          name: 'Who',
          cell: actorOf,
        },
        { name: 'What', cell: it => Words(it.action) },
        {
          name: 'On',
          cell: ({ target }) => (
            <span className="small">{target.name ?? `${target.kind}:${target.id}`}</span>
          ),
        },
        { name: 'Why', is: 'text', cell: it => <Why it={it} /> },
      ]}
    />
  );
}

function Why({ it }: { it: AuditRow }) {
  const { origin, before, after } = it;
  return (
    <>
      {reasonOf(it)}
      {(origin !== null || before !== null || after !== null) && (
        <details>
          <summary className="small quiet">Request and change</summary>
          <Source label="Request and change" text={{ request: origin, before, after }} />
        </details>
      )}
    </>
  );
}
