import { Link } from '@tanstack/react-router';

export function NotFound() {
  return (
    <div className="page center-page">
      <h1>There is no such page</h1>
      <p>
        The address may be misspelt, or what it led to is gone. <Link to="/studio">Studio</Link>,{' '}
        <Link to="/market">Market</Link>.
      </p>
    </div>
  );
}
