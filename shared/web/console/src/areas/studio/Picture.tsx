import { Badge, Button, Progress } from '@mantine/core';
import { type Generation, isProblem } from '@prolight/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useApi, useRefreshMe } from '../../context.tsx';
import { Words } from '../../ui/format.tsx';
import { announce, announceProblem } from '../../ui/problem.tsx';
import { GENERATIONS, isFinal } from './generations.ts';
import classes from './Studio.module.css';

const STATUS_COLOURS: Record<string, string> = {
  succeeded: 'green',
  failed: 'red',
  cancelled: 'gray',
};

/** What the API answers once a generation is with its provider, or over. */
const TOO_LATE = ['generation_already_submitted', 'generation_finished'];

export function StatusBadge({ status }: { status: string }) {
  return (
    <Badge size="sm" variant="light" color={STATUS_COLOURS[status] ?? 'tungsten'}>
      {Words(status)}
    </Badge>
  );
}

/** One picture, or how far it is. */
export function Picture({ it }: { it: Generation }) {
  const [w = 1, h = 1] = it.aspect_ratio.split(':').map(Number);
  if (it.image) {
    return (
      <img
        className={classes.picture}
        src={it.image.url}
        width={it.image.width}
        height={it.image.height}
        alt={it.input?.prompt ?? 'The generated picture'}
      />
    );
  }
  return (
    <svg className={classes.placeholder} viewBox={`0 0 ${w * 100} ${h * 100}`} aria-hidden="true">
      <rect width="100%" height="100%" fill="var(--well)" />
    </svg>
  );
}

/** Where it is, how long it still takes, and the way to stop it. */
export function Follow({ it }: { it: Generation }) {
  const api = useApi();
  const queries = useQueryClient();
  const refreshMe = useRefreshMe();
  const now = useNow(!isFinal(it));
  const cancel = useMutation({
    mutationFn: () => api.post(`/api/v1/generations/${it.id}/cancel`),
    onSuccess: () => {
      announce('The generation is cancelled and its credit is back.');
      void queries.invalidateQueries({ queryKey: GENERATIONS });
      refreshMe();
    },
    onError: error => {
      if (TOO_LATE.some(code => isProblem(error, code))) {
        announceProblem(error, 'Cancel', 'Too late to cancel');
        void queries.invalidateQueries({ queryKey: GENERATIONS });
      } else announceProblem(error, 'Cancel');
    },
  });
  if (it.status === 'succeeded') return null;
  if (it.status === 'failed') {
    return (
      <div role="alert">
        <StatusBadge status="failed" /> {it.error?.message ?? 'It ended without a picture.'} The
        credit was returned.
      </div>
    );
  }
  if (it.status === 'cancelled') {
    return (
      <div>
        <StatusBadge status="cancelled" /> The credit was returned.
      </div>
    );
  }
  const from = new Date(it.created_at).getTime();
  const to = it.expected_at ? new Date(it.expected_at).getTime() : from + 20_000;
  const left = Math.max(0, Math.ceil((to - now) / 1000));
  const share = Math.min(96, Math.max(4, (100 * (now - from)) / Math.max(1, to - from)));
  return (
    <div className="stack" role="status">
      <Progress value={share} size="sm" aria-label="Progress" />
      <div className="row between">
        <span className="num">
          {Words(it.status)}
          {it.waiting_for ? `, waiting for ${it.waiting_for.replaceAll('_', ' ')}` : ''}
          {left > 0 ? `, about ${left} s left` : ', any moment now'}
        </span>
        {it.status === 'queued' && (
          <Button
            size="compact-sm"
            variant="default"
            loading={cancel.isPending}
            onClick={() => cancel.mutate()}
          >
            Cancel
          </Button>
        )}
      </div>
    </div>
  );
}

function useNow(running: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
