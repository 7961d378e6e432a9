import { Button, Skeleton } from '@mantine/core';
import type { Generation, Page } from '@prolight/client';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { When } from '../../ui/format.tsx';
import { ProblemNotice } from '../../ui/problem.tsx';
import { StructuredPrompt } from '../../ui/StructuredPrompt.tsx';
import { differences } from './draft.ts';
import { download, useGeneration } from './generations.ts';
import { Follow, Picture, StatusBadge } from './Picture.tsx';
import classes from './Studio.module.css';

interface Props {
  recent: {
    data: Page<Generation> | undefined;
    error: unknown;
    isPending: boolean;
    refetch: () => unknown;
  };
  shown: string | undefined;
  onShow: (id: string) => void;
  onUse: (it: Generation) => void;
}

/** The newest pictures: one large, two beside each other, and what was different. */
export function Results({ recent, shown, onShow, onUse }: Props) {
  const [other, setOther] = useState<string>();
  const first = useGeneration(shown);
  const second = useGeneration(other);
  const items = recent.data?.items ?? [];
  if (recent.isPending) return <Skeleton className={classes.results} height={300} />;
  if (recent.error && items.length === 0) {
    return (
      <section className={classes.results}>
        <ProblemNotice error={recent.error} retry={() => recent.refetch()} />
      </section>
    );
  }
  if (items.length === 0) {
    return (
      <section className={classes.results} aria-label="Results">
        <div className="empty">Your pictures appear here. The first costs one credit.</div>
      </section>
    );
  }
  const summary = items.find(it => it.id === shown);
  const it = first.data ?? summary;
  const comparing = other !== undefined && second.data !== undefined && it !== undefined;
  return (
    <section className={classes.results} aria-label="Results">
      <div className="row between">
        <h2>Results</h2>
        <Link to="/gallery" search={{}}>
          All pictures
        </Link>
      </div>
      <ul className={classes.strip}>
        {items.map(one => (
          <li key={one.id}>
            <button
              type="button"
              className={classes.thumb}
              aria-current={one.id === shown || undefined}
              data-compared={one.id === other || undefined}
              onClick={event =>
                event.shiftKey && one.id !== shown ? setOther(one.id) : onShow(one.id)
              }
            >
              {one.image ? (
                <img src={one.image.thumbnail_url} alt="" loading="lazy" />
              ) : (
                <span className="small">{one.status}</span>
              )}
              <span className="visually-hidden">
                {one.status}, seed {one.seed}
              </span>
            </button>
          </li>
        ))}
      </ul>
      {it && (
        <div className={comparing ? classes.two : classes.one}>
          <figure className={classes.figure}>
            <Picture it={it} />
          </figure>
          {comparing && (
            <figure className={classes.figure}>
              <Picture it={second.data} />
            </figure>
          )}
          <div className="stack">
            <Follow it={it} />
            <dl className="facts">
              <dt>Made</dt>
              <dd>
                <When at={it.created_at} /> <StatusBadge status={it.status} />
              </dd>
              <dt>Seed</dt>
              <dd>{it.seed}</dd>
              {it.image && (
                <>
                  <dt>Size</dt>
                  <dd>
                    {it.image.width} × {it.image.height}, {it.quality}
                  </dd>
                </>
              )}
              {it.listing?.attribution && (
                <>
                  <dt>Attribution</dt>
                  <dd>{it.listing.attribution}</dd>
                </>
              )}
            </dl>
            {it.input?.prompt && <p>{it.input.prompt}</p>}
            <div className="row">
              {it.image && (
                <Button size="xs" onClick={() => download(it)}>
                  Download
                </Button>
              )}
              {it.input && (
                <Button size="xs" variant="default" onClick={() => onUse(it)}>
                  Use again, change one thing
                </Button>
              )}
              {comparing ? (
                <Button size="xs" variant="default" onClick={() => setOther(undefined)}>
                  Stop comparing
                </Button>
              ) : (
                items.length > 1 && (
                  <Button
                    size="xs"
                    variant="default"
                    onClick={() => setOther(items.find(one => one.id !== it.id && one.image)?.id)}
                  >
                    Compare
                  </Button>
                )
              )}
            </div>
            {comparing && <Differences a={it} b={second.data} />}
            {it.input?.structured_prompt && <StructuredPrompt value={it.input.structured_prompt} />}
          </div>
        </div>
      )}
      {items.length > 1 && (
        <p className="small quiet">Shift and a click on another picture compares the two.</p>
      )}
    </section>
  );
}

function Differences({ a, b }: { a: Generation; b: Generation }) {
  const found = differences(a, b);
  return (
    <div>
      <h3>What is different</h3>
      {found.length === 0 ? (
        <p className="quiet">Nothing: both have the same input and seed.</p>
      ) : (
        <ul className={classes.differences}>
          {found.slice(0, 12).map(line => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
