"""Deliberate bugs, each of which the simulator must find: see bugs.py.

`old` occurs once in `file`; `new` takes its place, and compiles.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """A change of one file that the simulator must find."""

    name: str
    about: str
    file: str
    old: str
    new: str


BUGS = [
    # domain: what decides
    Bug(
        name="lot-closed-while-held",
        about="A lot is archived although a generation still holds credits of it, so that the member's generation can never end.",
        file="shared/domain/src/credits.rs",
        old='''        !stays && self.available() == 0 && self.held == 0
''',
        new='''        !stays && self.available() == 0
''',
    ),
    Bug(
        name="plan-outlives-its-subscription",
        about="A member whose subscription has ended keeps the plan without paying for it.",
        file="shared/domain/src/account/update.rs",
        old='''        self.end_plan_lots()?;
        self.account.plan = Plan::Free;
        self.account.plan_ends_at = None;
''',
        new='''        self.end_plan_lots()?;
        self.account.paid_period = None;
        self.account.plan_ends_at = None;
''',
    ),
    Bug(
        name="refund-takes-a-credit-too-many",
        about="A partial refund of a pack is rounded up, and takes one credit from the member that they paid for.",
        file="shared/domain/src/billing/payment.rs",
        old='''        let share = share_of(i64::from(credits), self.returned(), self.amount.amount);
        u32::try_from(share).unwrap_or(credits)
''',
        new='''        let (gone, paid) = (self.returned(), self.amount.amount.max(1));
        let share = (i64::from(credits) * gone + paid - 1) / paid;
        u32::try_from(share).unwrap_or(credits)
''',
    ),
    Bug(
        name="won-dispute-returns-no-credits",
        about="A dispute that we won, or a refund that failed, does not give the member's credits of the pack back.",
        file="shared/domain/src/billing/order.rs",
        old='''            update.take_back(&cause, &lot, gone - self.taken_back)?;
        } else if gone < self.taken_back {
            update.give_back(&cause, &lot, self.taken_back - gone)?;
        }
''',
        new='''            update.take_back(&cause, &lot, gone - self.taken_back)?;
        }
''',
    ),
    Bug(
        name="paid-period-granted-again",
        about="A paid invoice grants its period with every event about it, which fails until somebody looks at the parked event.",
        file="shared/domain/src/billing/invoice.rs",
        old='''        if self.status != InvoiceStatus::Paid || !self.granted.is_empty() {
''',
        new='''        if self.status != InvoiceStatus::Paid {
''',
    ),
    Bug(
        name="refunded-sale-released-in-full",
        about="A sale becomes payable with its price before refunds, so that the creator is owed money that went back to the buyer.",
        file="shared/domain/src/marketplace/creator/sale.rs",
        old='''        sale.released_at = Some(now);
        sum += sale.kept.net;
''',
        new='''        sale.released_at = Some(now);
        sum += sale.sold.net;
''',
    ),
    Bug(
        name="sent-payout-stays-open",
        about="A payout that was sent stays the creator's open one, and the creator is never paid again.",
        file="shared/domain/src/marketplace/creator/payout/update.rs",
        old='''        (payout.state, payout.sent_at) = (PayoutState::Sent, Some(now));
        self.book.payout = None;
        let amount = payout.amount;
''',
        new='''        (payout.state, payout.sent_at) = (PayoutState::Sent, Some(now));
        let amount = payout.amount;
''',
    ),
    Bug(
        name="partial-refund-ends-access",
        about="A buyer who gets one cent back loses what they bought.",
        file="shared/domain/src/marketplace/purchase/update.rs",
        old='''    } else if payment.returned() >= paid {
''',
        new='''    } else if payment.returned() > 0 {
''',
    ),
    Bug(
        name="creator-share-rounded-up",
        about="After a partial refund the creator's share is rounded in their favor, away from the journal, at the platform's cost.",
        file="shared/domain/src/marketplace/purchase/update.rs",
        old='''            (sale.kept, sale.frozen) = (after.split(), payment.disputed);
''',
        new='''            let (gross, gone) = (after.split().gross, payment.returned());
            let net = sale.sold.net - sale.sold.net * gone / payment.amount.amount.max(1);
            (sale.kept, sale.frozen) = (Split { gross, fee: gross - net, net }, payment.disputed);
''',
    ),
    Bug(
        name="second-payment-accepted",
        about="A buyer who paid for a listing in two tabs has bought it twice, and gets neither payment back.",
        file="shared/domain/src/marketplace/purchase/update.rs",
        old='''            owned: self.entitlement.as_ref(),
''',
        new='''            owned: None,
''',
    ),
    Bug(
        name="lost-dispute-stays-claimed",
        about="What a lost dispute took beyond the payment stays in the books as money that the bank still owes us.",
        file="shared/domain/src/marketplace/purchase/allocation.rs",
        old='''        let (claimed, lost) = if payment.disputed { (excess, 0) } else { (0, excess) };
''',
        new='''        let (claimed, lost) = (excess, 0);
''',
    ),
    Bug(
        name="refund-never-done",
        about="A refund that Stripe has made is not seen as done: buyer and staff get an error, and it is asked for again and again.",
        file="shared/settlement/src/purchase.rs",
        old='''        None => RefundState::Done,
''',
        new='''        None => RefundState::Asked,
''',
    ),
    # settlement: what follows Stripe
    Bug(
        name="pack-granted-unpaid",
        about="A pack is granted once its page is complete, also to a member whose bank then refuses the debit.",
        file="shared/settlement/src/facts.rs",
        old='''            self.payment.clone_from(&session.payment);
''',
        new='''            let paid = domain::billing::payment::PaymentState::Succeeded;
            self.payment = session.payment.clone().map(|it| Payment { state: paid, ..it });
''',
    ),
    Bug(
        name="late-payment-kept",
        about="A buyer who paid for what could no longer be bought gets neither the listing nor their money.",
        file="shared/settlement/src/purchase.rs",
        old='''                    let outcome = self.give_back(&read, (&payment, amount), event, now).await?;
''',
        new='''                    let outcome = EventOutcome::LatePaymentRefunded;
''',
    ),
    Bug(
        name="event-without-metadata-ignored",
        about="An event about a listing's payment that does not name the purchase, as of a refund that failed, is taken for another's.",
        file="shared/settlement/src/lib.rs",
        old='''                Gathered::Purchase(id) => {
                    return self.settle_purchase(user, &id, Some(thing), event, now).await;
                }
                Gathered::NotOurs => return Ok(EventOutcome::NotOurs),
''',
        new='''                Gathered::Purchase(_) | Gathered::NotOurs => return Ok(EventOutcome::NotOurs),
''',
    ),
    # store: what is written together
    Bug(
        name="reward-not-marked-as-granted",
        about="A sharer's credits are written without the reward, so that the next run grants it again.",
        file="shared/store/src/marketplace/community/rewards.rs",
        old='''                .replace(Some(&before), &after)?
                .audit_all(after.audit_entry_since(&before), now);
''',
        new='''                .audit_all(after.audit_entry_since(&before), now);
''',
    ),
    Bug(
        name="refund-missing-in-sale",
        about="The creator's sale is written once, when it is paid, and never learns of refunds and disputes.",
        file="shared/store/src/marketplace/purchase/update.rs",
        old='''        if let Some(sale) = &after.sale {
            this = this.replace(before.sale.as_ref(), sale)?;
        }
''',
        new='''        if let Some(sale) = after.sale.as_ref().filter(|_| before.sale.is_none()) {
            this = this.replace(None, sale)?;
        }
''',
    ),
    Bug(
        name="erasure-deletes-the-ledger",
        about="The erasure of a member also deletes their ledger, which accounting has to keep.",
        file="shared/store/src/erasures.rs",
        old='''const MADE_BY_MEMBER: [&str; 6] =
    [JOB_PREFIX, INPUT_PREFIX, PRESET_PREFIX, API_KEY_PREFIX, WEBHOOKS, DELIVERY_PREFIX];
''',
        new='''const MADE_BY_MEMBER: [&str; 7] = [
    JOB_PREFIX,
    INPUT_PREFIX,
    PRESET_PREFIX,
    API_KEY_PREFIX,
    WEBHOOKS,
    DELIVERY_PREFIX,
    crate::keys::LEDGER_PREFIX,
];
''',
    ),
    Bug(
        name="invoice-written-once",
        about="An invoice that was first seen unpaid does not learn that it was granted, and a member's period is granted again.",
        file="shared/store/src/billing_update.rs",
        old='''        let mut news = after.invoices.iter().filter(|invoice| !before.invoices.contains(invoice));
''',
        new='''        let is_new = |it: &&Invoice| before.invoices.iter().all(|known| known.id != it.id);
        let mut news = after.invoices.iter().filter(is_new);
''',
    ),
    Bug(
        name="removed-attributes-stay",
        about="What an item no longer has stays in the table: a creator's payout stays open after it was sent.",
        file="shared/store/src/rewrite.rs",
        old='''        for (place, name) in gone.into_iter().enumerate() {
''',
        new='''        let gone = gone.into_iter().filter(|name| index.contains(name));
        for (place, name) in gone.enumerate() {
''',
    ),
    # clients: what Stripe is asked and told
    Bug(
        name="lost-dispute-not-heard",
        about="The end of a dispute is no event of ours, and the buyer of whose payment a bank took a part stays locked out.",
        file="shared/clients/src/stripe/webhook_event.rs",
        old='''    ("charge.dispute.closed", About::TakenBack),
''',
        new='''''',
    ),
    Bug(
        name="won-dispute-still-withdrawn",
        about="Money that a bank returned after a dispute still counts as taken, and the member does not get credits or access back.",
        file="shared/clients/src/stripe/payment.rs",
        old='''    let taken = -moved.iter().map(|it| it.amount).sum::<i64>();
''',
        new='''    let taken = -moved.iter().map(|it| it.amount).filter(|it| *it < 0).sum::<i64>();
''',
    ),
    Bug(
        name="transfer-names-no-payout",
        about="A transfer does not say which payout it is for, so that one without an answer is not found and sent to the creator again.",
        file="shared/clients/src/stripe/transfer.rs",
        old='''            metadata: read::about(new.user, &[(PAYOUT_ID, payout)]),
''',
        new='''            metadata: read::about(new.user, &[]),
''',
    ),
    Bug(
        name="payment-names-no-purchase",
        about="A listing's payment does not carry its purchase, so that a refund or a dispute of it changes nothing for the buyer.",
        file="shared/clients/src/stripe/checkout.rs",
        old='''        data.metadata = Some(metadata.clone());
        data.transfer_group = Some(CreatorId::of(&purchase.creator_id).to_string());
''',
        new='''        data.transfer_group = Some(CreatorId::of(&purchase.creator_id).to_string());
''',
    ),
    Bug(
        name="image-written-over-an-old-version",
        about="The end of a generation is written under the version before the worker's claim, so that no image ever reaches its member.",
        file="functions/background/src/run_generation.rs",
        old='''            take((store, images, bria), claimed, &image_url, clock).await
''',
        new='''            take((store, images, bria), job, &image_url, clock).await
''',
    ),
    Bug(
        name="late-image-keeps-its-credit",
        about="A generation that waited too long fails without its account, so that its member never gets the credit and the slot back.",
        file="functions/background/src/run_generation.rs",
        old='''        NextStep::Fail(failure) => settle::fail(store, &job, failure, clock).await,
''',
        new='''        NextStep::Fail(failure) => {
            let failed = Job {
                status: domain::generation::Status::Failed,
                version: job.version + 1,
                due_at: None,
                finished_at: Some(clock.now()),
                failure: Some(failure),
                ..job.clone()
            };
            move_on(store, &job, failed).await
        }
''',
    ),
    Bug(
        name="top-up-charged-before-its-order",
        about="A member's saved card is charged for an order that was not written, and with every message again.",
        file="functions/background/src/buy_top_ups.rs",
        old='''    match account.top_up.map(|top_up| top_up.state) {
        Some(TopUpState::Charging { order }) => store.order(user, &order).await.map(Some),
        Some(TopUpState::Due { .. }) => {
            let id = OrderId::new(task.now, task.random());
            store.begin_top_up(user, task.now, |update| place(&id, update)).await
        }
''',
        new='''    match account.top_up.clone().map(|top_up| top_up.state) {
        Some(TopUpState::Charging { order }) => store.order(user, &order).await.map(Some),
        Some(TopUpState::Due { .. }) => {
            let id = OrderId::new(task.now, task.random());
            let mut draft = account.begin_update(task.now).map_err(StoreError::refused)?;
            place(&id, &mut draft)
        }
''',
    ),
    Bug(
        name="images-of-one-moment-collide",
        about="The id of a generation has no randomness: the second one that a member asks for in the same moment is an error.",
        file="functions/generation/src/create_generation.rs",
        old='''        id: JobId::new(call.now, call.random()),
''',
        new='''        id: JobId::new(call.now, 0),
''',
    ),
    Bug(
        name="purchases-of-one-moment-collide",
        about="The id of a purchase has no randomness: of two members who buy in the same moment, one pays for the other's purchase.",
        file="functions/marketplace/src/create_purchase.rs",
        old='''    let id = PurchaseId::new(call.now, call.random());
''',
        new='''    let id = PurchaseId::new(call.now, 0);
''',
    ),
    Bug(
        name="event-marked-before-it-is-applied",
        about="An event is marked as applied before it is, so that no refund and no dispute ever reaches a member's account.",
        file="functions/edge/src/webhook_stripe.rs",
        old='''    let received = Settlement::new(store, stripe).receive(body, call.now).await?;
''',
        new='''    if let Ok(event) = clients::stripe::WebhookEvent::parse(body.as_bytes()) {
        let seen = store::AppliedEvent { id: event.id, kind: event.kind };
        store.mark_event(&seen, call.now).await?;
    }
    let received = Settlement::new(store, stripe).receive(body, call.now).await?;
''',
    ),
    # what came with later checks
    Bug(
        name="refunded-plan-keeps-its-credits",
        about="A period of a plan goes on after all of its payment went back.",
        file="shared/domain/src/billing/invoice.rs",
        old='''            return self.give_back(update);
        }
        self.take_back(update)
''',
        new='''            return self.give_back(update);
        }
        Ok(())
''',
    ),
    Bug(
        name="unlimited-pays-debts",
        about="A plan without a limit pays whatever a member owes.",
        file="shared/domain/src/credits.rs",
        old='''        self.gather(self.debt, now, |lot| !lot.is_unlimited()).0
''',
        new='''        self.gather(self.debt, now, |_| true).0
''',
    ),
    Bug(
        name="pack-forgets-its-fees",
        about="An order does not know what Stripe kept of its payment, so that revenue is reported too high.",
        file="shared/domain/src/billing/order.rs",
        old='''        self.fees = payment.fees;
''',
        new='''        self.fees = payment.fees.min(0);
''',
    ),
    Bug(
        name="banned-creator-is-paid",
        about="A ban does not keep a creator from being paid.",
        file="shared/domain/src/marketplace/creator/payout.rs",
        old='''            (false, _) => Some(SkipReason::Banned),
''',
        new='''            (false, _) => None,
''',
    ),
    Bug(
        name="reward-for-a-refunded-sale",
        about="A sharer is rewarded for a sale whose money went back before the reward was due.",
        file="shared/domain/src/marketplace/purchase/update.rs",
        old='''            None => reward.forfeit(now),
''',
        new='''            None => {}
''',
    ),
    Bug(
        name="partial-refund-returns-everything",
        about="Staff grant a part of the price back, and Stripe is asked for all of it.",
        file="shared/settlement/src/purchase.rs",
        old='''            self.stripe.refund_part(payment, Some(amount), &key, RefundReason::Requested).await;
''',
        new='''            self.stripe.refund_part(payment, Some(amount).filter(|it| *it < 0), &key, RefundReason::Requested).await;
''',
    ),
    Bug(
        name="keys-are-forgotten",
        about="A request under a key that was answered is not recognised: its caller gets an error instead of the answer.",
        file="shared/store/src/idempotency.rs",
        old='''        (Some(record), Some(request)) if now.as_secs() < record.expires_at => {
''',
        new='''        (Some(record), Some(request)) if record.expires_at < now.as_secs() => {
''',
    ),
    Bug(
        name="forged-webhook-of-bria",
        about="A webhook of Bria is accepted whatever its signature.",
        file="shared/clients/src/bria/webhook.rs",
        old='''    if !tokens.iter().any(|token| any_fits(token, signatures, id, stamp, raw_body)) {
''',
        new='''    let fits = tokens.iter().any(|token| any_fits(token, signatures, id, stamp, raw_body));
    if !fits && tokens.is_empty() {
''',
    ),
    Bug(
        name="review-counted-after-a-refund",
        about="The stars of a buyer whose money went back stay in the rating of the listing.",
        file="shared/domain/src/marketplace/community/review.rs",
        old='''        if self.counts() {
            stats.uncount_rating(self.rating);
        }
        self.withdrawn = true;
''',
        new='''        self.withdrawn = stats.sales < u64::MAX;
''',
    ),
    Bug(
        name="failed-delivery-counts-as-delivered",
        about="An event to which a member's server answers with an error is not sent again.",
        file="shared/domain/src/webhook/delivery.rs",
        old='''        if succeeded {
            (self''',
        new='''        if succeeded || !gone {
            (self''',
    ),
]
