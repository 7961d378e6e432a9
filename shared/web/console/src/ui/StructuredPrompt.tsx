import { Source } from './Source.tsx';

/** The structured prompt that a picture was made with, folded away. */
export function StructuredPrompt({ value }: { value: unknown }) {
  return (
    <details>
      <summary>The structured prompt that went to the model</summary>
      <Source label="Structured prompt" text={value} />
    </details>
  );
}
