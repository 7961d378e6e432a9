import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useApi } from '../../context.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { count, date, money, Words } from '../../ui/format.tsx';
import { Empty, Loaded } from '../../ui/lists.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { Scroll } from '../../ui/Scroll.tsx';

/** A decision on a request. */
interface Order {
  id: string;
  reason: string;
  close: () => void;
}

/** Requests that a person has to look at, and whether creators' balances add up. */
export function Refunds() {
  const api = useApi();
  const queries = useQueryClient();
  const query = useQuery({
    queryKey: ['staff', 'refunds'],
    queryFn: ({ signal }) =>
      api.get('/api/v1/admin/purchases/refund-requests', { limit: 100 }, signal),
  });
  const ledger = useQuery({
    queryKey: ['staff', 'ledger'],
    queryFn: ({ signal }) => api.get('/api/v1/admin/ledger/audit', { limit: 100 }, signal),
  });
  const refund = useMutation({
    mutationFn: ({ id, reason }: Order) =>
      api.post(`/api/v1/admin/purchases/${id}/refund`, { reason }),
    onSuccess: (_, { close }) => {
      close();
      announce('The buyer gets the money back.');
      void queries.invalidateQueries({ queryKey: ['staff'] });
    },
    onError: error => announceProblem(error, 'Refund'),
  });
  const decline = useMutation({
    mutationFn: ({ id, reason }: Order) =>
      api.post(`/api/v1/admin/purchases/${id}/refund/decline`, { reason }),
    onSuccess: (_, { close }) => {
      close();
      announce('The request is declined.');
      void queries.invalidateQueries({ queryKey: ['staff'] });
    },
    onError: error => announceProblem(error, 'Decline'),
  });
  return (
    <>
      <section className="stack" aria-labelledby="requests">
        <h2 id="requests">Requests for refunds</h2>
        <Loaded query={query}>
          {page =>
            page.items.length === 0 ? (
              <Empty>No request waits.</Empty>
            ) : (
              <div className="stack">
                {page.items.map(it => (
                  <article key={it.purchase_id} className="panel stack">
                    <div className="row between">
                      <h3>{it.listing.name}</h3>
                      <span>
                        {money(it.refundable)} of {it.paid ? money(it.paid) : '–'}
                      </span>
                    </div>
                    <p className="quiet">
                      Paid {it.paid_at ? date(it.paid_at) : '–'} by{' '}
                      <Link to="/staff" search={{ tab: 'people', member: it.buyer.id }}>
                        {it.buyer.name ?? it.buyer.id}
                      </Link>
                    </p>
                    <p className="small quiet">
                      {it.requested_at && `Asked for ${date(it.requested_at)}. `}
                      {it.because && `${Words(it.because)}.`}
                    </p>
                    {it.reason && <p>“{it.reason}”</p>}
                    <div className="row">
                      <Confirm
                        action="Refund"
                        title={`Refund “${it.listing.name}”`}
                        reason="Reason, shown to buyer and creator"
                        busy={refund.isPending}
                        onConfirm={(reason, close) =>
                          refund.mutate({ id: it.purchase_id, reason, close })
                        }
                      >
                        The buyer gets {money(it.refundable)} and can no longer use it.
                      </Confirm>
                      <Confirm
                        action="Decline"
                        title={`Decline to refund “${it.listing.name}”`}
                        reason="Reason, shown to the buyer"
                        busy={decline.isPending}
                        onConfirm={(reason, close) =>
                          decline.mutate({ id: it.purchase_id, reason, close })
                        }
                      >
                        The buyer keeps it and reads the reason.
                      </Confirm>
                    </div>
                  </article>
                ))}
              </div>
            )
          }
        </Loaded>
      </section>
      <section className="stack" aria-labelledby="balances">
        <h2 id="balances">Creators’ balances</h2>
        <Loaded query={ledger}>
          {it => (
            <>
              <p role="status">
                {it.equal
                  ? `All ${count(it.items.length)} balances of this page equal the sums of their entries.`
                  : 'Some balances differ from the sums of their entries.'}
              </p>
              <Scroll label="Balances">
                <table className="plain">
                  <thead>
                    <tr>
                      <th>Creator</th>
                      <th className="right">Entries</th>
                      <th>Equal</th>
                    </tr>
                  </thead>
                  <tbody>
                    {it.items.map(row => (
                      <tr key={row.creator.id}>
                        <td>
                          <Link to="/staff" search={{ tab: 'people', member: row.creator.id }}>
                            {row.creator.name ?? row.creator.id}
                          </Link>
                        </td>
                        <td className="right">{count(row.entries)}</td>
                        <td className={row.equal ? 'up' : 'down'}>{row.equal ? 'Yes' : 'No'}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Scroll>
            </>
          )}
        </Loaded>
      </section>
    </>
  );
}
