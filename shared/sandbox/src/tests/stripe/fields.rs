//! Fields that a strictly typed client requires in every answer: if one is missing, the client
//! fails on the whole answer after the money moved. Taken from the generated types of the API's
//! version.

use super::*;
use crate::stripe::{Lasts, Off, Opening};

const SESSION: &str = "\
    automatic_tax/enabled created custom_fields custom_text expires_at id livemode mode \
    payment_method_types payment_status shipping_options";
const CUSTOMER: &str = "\
    created id livemode";
const SUBSCRIPTION: &str = "\
    automatic_tax/enabled billing_cycle_anchor billing_mode/type billing_schedules \
    cancel_at_period_end collection_method created currency customer discounts id \
    invoice_settings/issuer/type items/data items/has_more items/url livemode metadata \
    start_date status";
const ITEM: &str = "\
    created current_period_end current_period_start discounts id metadata plan price \
    subscription";
const DISCOUNT: &str = "\
    id source/type start";
const COUPON: &str = "\
    created duration id livemode times_redeemed valid";
const PLAN: &str = "\
    active billing_scheme created currency id interval interval_count livemode usage_type";
const PRICE: &str = "\
    active billing_scheme created currency id livemode metadata product type";
const PRODUCT: &str = "\
    active created id images livemode marketing_features metadata name type updated";
const RECURRING: &str = "\
    interval interval_count usage_type";
const INVOICE: &str = "\
    amount_due amount_overpaid amount_paid amount_remaining amount_shipping attempt_count \
    attempted automatic_tax/enabled collection_method created currency default_tax_rates \
    discounts issuer/type lines/data lines/has_more lines/url livemode payment_settings \
    period_end period_start post_payment_credit_notes_amount pre_payment_credit_notes_amount \
    starting_balance status_transitions subtotal total";
const LINE: &str = "\
    amount currency discountable discounts id livemode metadata period/end period/start \
    subtotal pricing/type pricing/price_details/price pricing/price_details/product";
const INVOICE_PAYMENT: &str = "\
    amount_requested created currency id invoice is_default livemode payment/type status \
    status_transitions";
const INTENT: &str = "\
    amount amount_capturable amount_received capture_method confirmation_method created \
    currency id livemode metadata payment_method_types status";
const CHARGE: &str = "\
    amount amount_captured amount_refunded billing_details captured created currency disputed \
    id livemode metadata paid refunded status outcome/type payment_method_details/type";
const REFUND: &str = "\
    amount created currency id destination_details/type";
const DISPUTE: &str = "\
    amount balance_transactions charge created currency enhanced_eligibility_types \
    evidence/enhanced_evidence evidence_details/enhanced_eligibility \
    evidence_details/has_evidence evidence_details/past_due evidence_details/submission_count \
    id is_charge_refundable livemode metadata reason status payment_method_details/type \
    payment_method_details/card/brand payment_method_details/card/case_type \
    payment_method_details/card/network";
const TRANSACTION: &str = "\
    amount available_on balance_type created currency fee fee_details id net \
    reporting_category status type";
const METHOD: &str = "\
    billing_details created id livemode type card/brand card/exp_month card/exp_year \
    card/funding card/last4 card/three_d_secure_usage/supported card/networks/available";
const PORTAL: &str = "\
    configuration created customer id livemode url flow/type flow/after_completion/type";
const CONFIGURATION: &str = "\
    active business_profile created id is_default livemode login_page/enabled updated \
    features/customer_update/allowed_updates features/customer_update/enabled \
    features/invoice_history/enabled features/payment_method_update/enabled \
    features/subscription_cancel/cancellation_reason/enabled \
    features/subscription_cancel/cancellation_reason/options \
    features/subscription_cancel/enabled features/subscription_cancel/mode \
    features/subscription_cancel/proration_behavior \
    features/subscription_update/default_allowed_updates features/subscription_update/enabled \
    features/subscription_update/proration_behavior \
    features/subscription_update/schedule_at_period_end/conditions \
    features/subscription_update/trial_update_behavior";
const EVENT: &str = "\
    created data/object id livemode pending_webhooks type";

#[track_caller]
fn has(object: &Value, fields: &str) {
    for field in fields.split_whitespace() {
        let value = object.pointer(&format!("/{field}"));
        assert!(value.is_some_and(|value| !value.is_null()), "{field} of {object}");
    }
}

#[tokio::test]
async fn nothing_required_is_missing() {
    let account = Account::open().await;
    account.set(json!({ "tax_bps": 1000 }));
    let customer = account.customer().await;
    has(&account.get(&format!("customers/{customer}")).await, CUSTOMER);
    has(&account.session(&customer, "payment", "prolight_pack_50").await, SESSION);

    let plan = account.subscription(&customer, "prolight_pro_monthly", Card::Succeeds).await;
    has(&plan, SUBSCRIPTION);
    has(&plan["items"]["data"][0], ITEM);
    let item = text(&plan, "/items/data/0/id");
    account.control().discount(&item, Off::Percent(20.0), Lasts::Once).unwrap();
    let path = format!("subscription_items/{item}?expand[]=discounts.source.coupon");
    let item = account.get(&path).await;
    has(&item, ITEM);
    has(&item["discounts"][0], DISCOUNT);
    has(&item["discounts"][0]["source"]["coupon"], COUPON);
    has(&plan["items"]["data"][0]["plan"], PLAN);
    has(&plan["items"]["data"][0]["price"], PRICE);
    has(&plan["items"]["data"][0]["price"]["recurring"], RECURRING);
    let method = text(&plan, "/default_payment_method");
    has(&account.get(&format!("payment_methods/{method}")).await, METHOD);
    has(&account.get("products").await["data"][0], PRODUCT);
    let invoice = account
        .get(&format!("invoices/{}?expand[]=payments", text(&plan, "/latest_invoice")))
        .await;
    has(&invoice, INVOICE);
    has(&invoice["lines"]["data"][0], LINE);
    has(&invoice["payments"]["data"][0], INVOICE_PAYMENT);

    let session = account.pack(&customer).await;
    has(&session, SESSION);
    has(&session["payment_intent"], INTENT);
    has(&session["payment_intent"]["latest_charge"], CHARGE);
    let charge = text(&session, "/payment_intent/latest_charge/id");
    let refund = account
        .post(
            "refunds",
            &[("charge", &charge), ("amount", "100"), ("expand[]", "balance_transaction")],
        )
        .await;
    has(&refund, REFUND);
    has(&refund["balance_transaction"], TRANSACTION);
    let dispute = account.control().dispute(&charge, None, Opening::Chargeback).unwrap();
    let dispute = account.get(&format!("disputes/{dispute}")).await;
    has(&dispute, DISPUTE);
    has(&dispute["balance_transactions"][0], TRANSACTION);

    let form = [
        ("customer", customer.as_str()),
        ("flow_data[type]", "payment_method_update"),
        ("expand[]", "configuration"),
    ];
    let portal = account.post("billing_portal/sessions", &form).await;
    has(&portal, PORTAL);
    has(&portal["configuration"], CONFIGURATION);
    for event in account.events() {
        has(&event, EVENT);
    }
}
