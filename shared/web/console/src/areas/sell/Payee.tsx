import { Badge, Button, Select } from '@mantine/core';
import type { ApiConfig, CreatorStats } from '@prolight/client';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { currentConfig } from '../../config.ts';
import { useApi } from '../../context.tsx';
import { percent, Words } from '../../ui/format.tsx';
import { announceProblem } from '../../ui/problem.tsx';

export function useStats() {
  const api = useApi();
  return useQuery({
    queryKey: ['sell', 'stats'],
    queryFn: ({ signal }) => api.get('/api/v1/marketplace/creator/stats', undefined, signal),
  });
}

type Country = ApiConfig['countries'][number];

const NAMES = new Intl.DisplayNames(['en'], { type: 'region' });
const COUNTRIES = (currentConfig()?.countries ?? [])
  .map(value => ({ value, label: NAMES.of(value.toUpperCase()) ?? value }))
  .sort((one, other) => one.label.localeCompare(other.label));

const PAYEE: Record<string, string> = {
  none: 'To be paid, tell Stripe who you are and where the money goes. You can sell before that.',
  incomplete: 'Stripe needs something more before it can pay you.',
  ready: 'Stripe can pay you.',
  closed: 'Your account at Stripe is closed.',
};

/** Whether Stripe can pay the creator, and the way to its page. */
export function Payee({ it }: { it: CreatorStats }) {
  const api = useApi();
  const { status } = it.account;
  const [country, setCountry] = useState<Country | null>(null);
  const begin = useMutation({
    mutationFn: () =>
      api.post('/api/v1/marketplace/creator/onboarding', country ? { country } : {}),
    onSuccess: made => location.assign(made.onboarding_url),
    onError: error => announceProblem(error, 'Open Stripe’s page'),
  });
  return (
    <section className="panel stack" aria-labelledby="payee">
      <div className="row between">
        <h2 id="payee">Being paid</h2>
        <Badge variant="light" color={status === 'ready' ? 'green' : 'tungsten'}>
          {status === 'none' ? 'Not set up' : Words(status)}
        </Badge>
      </div>
      <p>{PAYEE[status] ?? Words(status)}</p>
      {it.account.requirements.length > 0 && (
        <p className="small quiet">
          Outstanding:{' '}
          {it.account.requirements.map(name => name.replaceAll(/[._]/g, ' ')).join('; ')}
        </p>
      )}
      {status === 'none' && (
        <Select
          label="Country of residence"
          description="It cannot be changed later."
          searchable
          data={COUNTRIES}
          value={country}
          onChange={value => setCountry(value as Country | null)}
        />
      )}
      {status !== 'ready' && status !== 'closed' && (
        <div>
          <Button
            size="xs"
            loading={begin.isPending}
            disabled={status === 'none' && !country}
            onClick={() => begin.mutate()}
          >
            {status === 'none' ? 'Set it up at Stripe' : 'Go on at Stripe'}
          </Button>
        </div>
      )}
      <p className="small quiet">
        The platform keeps {percent(it.fee_bps)} of a sale. The rest is payable {it.hold_days} days
        after it.
      </p>
    </section>
  );
}
