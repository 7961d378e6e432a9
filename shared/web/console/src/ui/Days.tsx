import classes from './Days.module.css';

interface Period {
  from: string | undefined;
  to: string | undefined;
}

/** The first and the last day of a period; either may be open. */
export function Days({
  from,
  to,
  onChange,
}: Period & {
  onChange: (period: Period) => void;
}) {
  return (
    <>
      <label className={classes.day}>
        <span className="label">From</span>
        <input
          type="date"
          value={from ?? ''}
          max={to}
          onChange={event => onChange({ from: event.target.value || undefined, to })}
        />
      </label>
      <label className={classes.day}>
        <span className="label">To</span>
        <input
          type="date"
          value={to ?? ''}
          min={from}
          onChange={event => onChange({ from, to: event.target.value || undefined })}
        />
      </label>
    </>
  );
}
