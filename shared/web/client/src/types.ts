import type { components, operations, webhooks } from './schema.ts';

/** The API's types by the names that the document gives them, and by those that people use. */
type Schemas = components['schemas'];
/** The body of a request that has no name of its own. */
type Body<O extends keyof operations> = operations[O] extends {
  requestBody?: { content: { 'application/json': infer B } };
}
  ? B
  : never;

export type ApiConfig = Schemas['GetConfigAnswer'];
export type Money = Schemas['Money'];
export type Me = Schemas['Me'];
export type Light = Schemas['Light'];
export type LightRole = Schemas['LightRole'];
export type LightingRig = Schemas['LightingRig'];
export type CameraSettings = Schemas['CameraSettings'];
export type AspectRatio = Schemas['AspectRatio'];
export type StructuredPrompt = Schemas['StructuredPrompt'];
export type Quality = Schemas['Quality'];
export type Generation = Schemas['Generation'];
export type GenerationRequest = Body<'generation-create-generation'>;
export type Preset = Schemas['Preset'];
export type PresetRequest = Body<'generation-create-preset'>;
export type Plans = Schemas['ListPlansAnswer'];
export type Subscription = Schemas['Subscription'];
export type CheckoutState = Schemas['GetCheckoutAnswer'];
export type LedgerEntry = Schemas['LedgerEntry'];
export type Credits = Schemas['GetCreditsAnswer'];
export type Usage = Schemas['GetUsageAnswer'];
export type Invoice = Schemas['Invoice'];
export type ListingType = Schemas['Kind'];
export type Category = Schemas['Category'];
export type Picture = Schemas['ShownPreview'];
export type Rating = Schemas['Rating'];
export type ListingCard = Schemas['ListingCard'];
export type SearchResult = Schemas['SearchListingsAnswer'];
export type DemoSubject = Schemas['DemoSubject'];
export type DemoSettings = Schemas['DemoSettings'];
export type DemoOverrides = Schemas['Overrides'];
export type DemoPicture = Schemas['Demo'];
export type Listing = Schemas['Page'];
export type FlagReason = Schemas['FlagReason'];
export type FlagDecision = Schemas['Decision'];
export type Review = Schemas['Review'];
export type Purchase = Schemas['Purchase'];
export type PurchaseDetails = Schemas['GetPurchaseAnswer'];
export type Download = Schemas['DownloadPurchaseAnswer'];
export type Share = Schemas['ShareListingAnswer'];
export type Slot = Schemas['Slot'];
export type Content = Schemas['Content'];
export type ListingDraft = Required<
  Pick<
    Schemas['CreatorListing'],
    | 'type'
    | 'title'
    | 'description'
    | 'category'
    | 'tags'
    | 'price'
    | 'attribution'
    | 'demo'
    | 'content'
  >
>;
/** What a change of a listing takes besides: a note on what is new in its next version. */
export type ListingChange = ListingDraft & { changes?: string | null };
export type OwnListing = Schemas['CreatorListing'];
export type Upload = Schemas['CreateUploadAnswer'];
export type UploadState = Schemas['GetUploadAnswer'];
export type CreatorStats = Schemas['GetCreatorStatsAnswer'];
export type Earning = Schemas['Earning'];
export type Payout = Schemas['Payout'];
export type RevenueStats = Schemas['RevenueReport'];
export type RevenuePeriod = Schemas['PeriodMetrics'];
export type GenerationStats = Schemas['GenerationReport'];
export type Report = Schemas['Report'];
export type Member = Schemas['Member'];
export type MemberRecord = Schemas['GetUserAnswer'];
export type AuditRow = Schemas['Row'];
export type Seller = Schemas['Seller'];
export type PendingListing = Schemas['Pending'];
export type FlaggedListing = Schemas['Flagged'];
export type RefundRequest = Schemas['Request'];
export type LedgerAudit = Schemas['AuditLedgerAnswer'];
export type ApiKey = Schemas['Key'];
export type NewApiKey = Schemas['CreateKeyAnswer'];
export type ApiScope = Schemas['Scope'];
export type Webhook = Schemas['Webhook'];
export type WebhookWithSecret = Schemas['WebhookWithSecret'];
export type EventType = Schemas['EventType'];
/** What a member's webhook is sent: `type` says what `data` is. */
export type WebhookEvent = {
  [T in keyof webhooks]: webhooks[T]['post']['requestBody']['content']['application/json'];
}[keyof webhooks];
export type Delivery = Schemas['Delivery'];
export type Appeal = Schemas['Appeal'];
export type OpenAppeal = Schemas['OpenAppeal'];
export type AppealOutcome = Schemas['AppealOutcome'];
export type About = Schemas['About'];
export type Reward = Schemas['Reward'];
export type StaffListing = Schemas['Listed'];
export type StaffPurchase = Schemas['Bought'];
export type StaffPayout = Schemas['PaidOut'];
export type AuditAction = Schemas['Action'];
export type Named = Schemas['NamedUserId'];
