import { TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { Link, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi } from '../../context.tsx';
import { count, date, Words } from '../../ui/format.tsx';
import { List, usePages } from '../../ui/lists.tsx';
import { Table } from '../../ui/Table.tsx';
import { Filter } from './Filter.tsx';
import { Person, Standing } from './Person.tsx';
import classes from './Staff.module.css';

/** Members: found, and one of them with everything that is known. */
export function People() {
  const { member } = useSearch({ from: '/staff' });
  return member === undefined ? <Directory /> : <Person id={member} />;
}

function Directory() {
  const api = useApi();
  const [query, setQuery] = useState('');
  const [email, setEmail] = useState('');
  const [creator, setCreator] = useState<string | null>(null);
  const [plan, setPlan] = useState<string | null>(null);
  const [status, setStatus] = useState<string | null>(null);
  const [text] = useDebouncedValue(
    JSON.stringify({ query: query.trim(), email: email.trim() }),
    250,
  );
  const asked = {
    ...(JSON.parse(text) as { query: string; email: string }),
    plan,
    status,
    creator,
  };
  const list = usePages(['staff', 'users', asked], (cursor, signal) =>
    api.get('/api/v1/admin/users', { ...asked, limit: 25, cursor }, signal),
  );
  return (
    <>
      <div className={classes.filters}>
        <TextInput
          label="Name begins with, or id"
          type="search"
          value={query}
          onChange={event => {
            setQuery(event.currentTarget.value);
            setEmail('');
          }}
        />
        <TextInput
          label="E-mail begins with"
          type="search"
          value={email}
          onChange={event => {
            setEmail(event.currentTarget.value);
            setQuery('');
          }}
        />
        <Filter
          label="Plan"
          values={['free', 'pro', 'enterprise']}
          value={plan}
          onChange={setPlan}
        />
        <Filter
          label="State"
          values={['active', 'suspended', 'deleting', 'deleted']}
          value={status}
          onChange={setStatus}
        />
        <Filter
          label="Sells"
          any="Or not"
          values={[
            { value: 'true', label: 'Has a listing' },
            { value: 'false', label: 'Has none' },
          ]}
          value={creator}
          onChange={setCreator}
        />
      </div>
      <List query={list} empty="Nobody matches.">
        <Table
          label="Members"
          rows={list.items}
          id={it => it.id}
          columns={[
            {
              name: 'Member',
              cell: it => (
                <>
                  <Link to="/staff" search={{ tab: 'people', member: it.id }}>
                    {it.display_name ?? it.email ?? it.id}
                  </Link>
                  {it.display_name && <div className="small quiet">{it.email}</div>}
                </>
              ),
            },
            { name: 'Plan', cell: it => Words(it.plan) },
            { name: 'State', cell: it => <Standing it={it} /> },
            { name: 'Credits', is: 'number', cell: it => count(it.credits.available) },
            { name: 'Since', is: 'day', cell: it => date(it.created_at) },
          ]}
        />
      </List>
    </>
  );
}
