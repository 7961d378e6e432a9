import classes from './Source.module.css';

/** Text as it is stored or sent. What does not fit its box scrolls, by keyboard too. */
export function Source({ label, text }: { label: string; text: unknown }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to take the focus.
    <section className={classes.box} aria-label={label} tabIndex={0}>
      <pre>{typeof text === 'string' ? text : JSON.stringify(text, null, 2)}</pre>
    </section>
  );
}
