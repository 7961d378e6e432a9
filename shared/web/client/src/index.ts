export { type Client, createClient, type Waiting } from './client.ts';
export { everyItem, type Page } from './pages.ts';
export type { AnswerOf, BodyOf, Exact, PathOf, Verb } from './paths.ts';
export {
  type FieldProblem,
  isProblem,
  localProblem,
  Problem,
  type ProblemBody,
} from './problem.ts';
export { NEVER_REPEATED } from './repeats.ts';
export {
  type Answer,
  type Ask,
  fixedToken,
  type Method,
  newKey,
  type Options,
  pause,
  type Query,
  type Session,
  Transport,
} from './transport.ts';
export * from './types.ts';
export {
  type ContentType,
  contentTypeOf,
  sendFile,
  type UploadForm,
  type UploadOptions,
} from './upload.ts';
export { WAIT_LIMIT_MS, type WaitOptions, waitFor } from './wait.ts';
export { type ReceivedHeaders, UnverifiedWebhook, verifyWebhook } from './webhook.ts';
