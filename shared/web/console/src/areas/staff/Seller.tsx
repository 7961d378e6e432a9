import { Badge } from '@mantine/core';
import type { Seller } from '@prolight/client';
import { count, date } from '../../ui/format.tsx';
import { Who } from './Who.tsx';

/** What a moderator has to know of whom a decision concerns. */
export function SellerLine({ it }: { it: Seller }) {
  return (
    <p className="small">
      By <Who it={{ id: it.id, name: it.display_name }} />, member since {date(it.member_since)}:{' '}
      {count(it.sales)} {it.sales === 1 ? 'sale' : 'sales'}, {count(it.approved)} approved,{' '}
      {count(it.rejected)} rejected, {count(it.delisted)} taken off sale
      {it.live_strikes > 0 && (
        <>
          {', '}
          <Badge size="sm" color="red" variant="light">
            {it.live_strikes === 1 ? '1 strike' : `${it.live_strikes} strikes`}
          </Badge>
        </>
      )}
      {it.selling_suspended_until && `, may not sell until ${date(it.selling_suspended_until)}`}
    </p>
  );
}
