/** The state of a thing, under the name that the API gives it. */
export function statusOf(it: object): string {
  const { status, state } = it as { status?: unknown; state?: unknown };
  return String(status ?? state ?? '');
}

/** The day of a row, under the name that the API gives it. */
export function dayOf(row: object): string {
  const { date, day } = row as { date?: string; day?: string };
  return date ?? day ?? '';
}
