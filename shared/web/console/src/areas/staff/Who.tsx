import type { Named } from '@prolight/client';
import { Link } from '@tanstack/react-router';
import { useMe } from '../../context.tsx';

/** A member by name; admins can open the record. */
export function Who({ it }: { it: Named }) {
  const { data: me } = useMe();
  const name = it.name ?? it.id;
  if (me?.role !== 'admin') return <>{name}</>;
  return (
    <Link to="/staff" search={{ tab: 'people', member: it.id }}>
      {name}
    </Link>
  );
}
