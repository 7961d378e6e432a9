import type { RefundRequest } from '@prolight/client';
import { useSearch } from '@tanstack/react-router';
import { useApi } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { count, date, money, Words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { Table } from '../../ui/Table.tsx';
import { OnlyOf } from './OnlyOf.tsx';
import { Refund } from './Refund.tsx';
import classes from './Staff.module.css';
import { useDecide } from './useDecide.ts';
import { Who } from './Who.tsx';

/** Requests that a person has to look at, and whether creators' balances add up. */
export function Refunds() {
  return (
    <>
      <Requests />
      <Balances />
    </>
  );
}

function Requests() {
  const api = useApi();
  const list = usePages(['staff', 'refunds'], (cursor, signal) =>
    api.get('/api/v1/admin/purchases/refund-requests', { limit: 20, cursor }, signal),
  );
  return (
    <section className="stack" aria-labelledby="requests">
      <h2 id="requests">Requests for refunds, the longest waiting first</h2>
      <List query={list} empty="No request waits.">
        <div className="stack">
          {list.items.map(it => (
            <Request key={it.purchase_id} it={it} />
          ))}
        </div>
      </List>
    </section>
  );
}

function Request({ it }: { it: RefundRequest }) {
  const api = useApi();
  const decide = useDecide();
  const title = it.listing.name ?? it.listing.id;
  return (
    <article className="panel stack" aria-label={title}>
      <div className="row between">
        <h3>{title}</h3>
        <span>
          {money(it.refundable)} of {it.paid ? money(it.paid) : '–'}
        </span>
      </div>
      <p className="quiet">
        Paid {it.paid_at ? date(it.paid_at) : '–'} by <Who it={it.buyer} />, sold by{' '}
        <Who it={it.creator} />
      </p>
      <p className="small quiet">
        {it.requested_at && `Asked for ${date(it.requested_at)}. `}
        {it.because && `${Words(it.because)}.`}
      </p>
      {it.reason && <p>“{it.reason}”</p>}
      <div className="row">
        <Refund
          key={it.refundable.amount}
          purchaseId={it.purchase_id}
          title={title}
          refundable={it.refundable}
        />
        <Confirm
          action="Decline"
          title={`Decline to refund “${title}”`}
          reason="Reason, shown to the buyer"
          busy={decide.isPending}
          onConfirm={(reason, close) =>
            decide.mutate({
              what: 'Decline',
              send: () =>
                api.post(`/api/v1/admin/purchases/${it.purchase_id}/refund/decline`, { reason }),
              said: 'The request is declined.',
              close,
            })
          }
        >
          The buyer keeps it and reads the reason.
        </Confirm>
      </div>
    </article>
  );
}

function Balances() {
  const api = useApi();
  const { creator } = useSearch({ from: '/staff' });
  const list = usePages(['staff', 'ledger', creator], (cursor, signal) =>
    api.get('/api/v1/admin/ledger/audit', { creator_id: creator, limit: 50, cursor }, signal),
  );
  const differ = list.items.filter(it => !it.equal).length;
  return (
    <section className="stack" aria-labelledby="balances">
      <h2 id="balances">Creators’ balances</h2>
      <div className={classes.filters}>
        <OnlyOf names={['creator']} />
      </div>
      <List query={list} empty="No creator matches.">
        <p role="status" className={differ === 0 ? 'up' : 'down'}>
          {differ === 0
            ? `All ${count(list.items.length)} balances shown equal the sums of their entries.`
            : `${count(differ)} balances differ from the sums of their entries.`}
        </p>
        <Table
          label="Balances"
          rows={list.items}
          id={it => it.creator.id}
          columns={[
            { name: 'Creator', cell: it => <Who it={it.creator} /> },
            { name: 'Entries', is: 'number', cell: it => count(it.entries) },
            {
              name: 'Equal',
              cell: it => (
                <div className={it.equal ? 'up' : 'down'}>
                  {it.equal ? 'Yes' : 'No'}
                  {it.differences.map(one => (
                    <div key={one.account} className="small">
                      {Words(one.account)}: kept {count(one.kept)}, entries {count(one.folded)}
                    </div>
                  ))}
                </div>
              ),
            },
          ]}
        />
      </List>
    </section>
  );
}
