import classes from './StructuredPrompt.module.css';

/** The structured prompt that a picture was made with, folded away. */
export function StructuredPrompt({ value }: { value: unknown }) {
  return (
    <details>
      <summary>The structured prompt that went to the model</summary>
      <pre className={classes.code}>{JSON.stringify(value, null, 2)}</pre>
    </details>
  );
}
