import type { ReactNode } from 'react';
import classes from './Studio.module.css';

/** A part of the table; while a listing replaces it, it is seen and cannot be changed. */
export function Replaced({ by, children }: { by: string | undefined; children: ReactNode }) {
  return (
    <>
      {by !== undefined && (
        <p className="small" role="note">
          Replaced by “{by}”. It is used again once that is removed.
        </p>
      )}
      <div className={classes.replaceable} inert={by !== undefined}>
        {children}
      </div>
    </>
  );
}
