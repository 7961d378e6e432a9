//! The member who calls: what the authorizer states of them and endpoints read.
//!
//! Between the two is the context of API Gateway, a flat map of strings.

use std::collections::{BTreeSet, HashMap};

use clients::oidc::Identity;
use domain::{
    account::{
        EmailClaim, Role,
        api_key::{KeyAccess, KeyGrant, Scope},
    },
    id::{ApiKeyId, UserId},
    plan::Plan,
};
use serde_json::{Map, Value};

use crate::error::Fault;

/// A member, with what their token or their API key says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Their id, the issuer's subject.
    pub user_id: UserId,
    /// The address in the token.
    pub email: Option<String>,
    /// The issuer has verified the address.
    pub email_verified: bool,
    /// The name in the token.
    pub name: Option<String>,
    /// The staff role in the token. A key has none.
    pub role: Option<Role>,
    /// Their plan, up to a minute ago: it sets the rate of calls, and nothing else.
    pub plan: Plan,
    /// The API key that was sent instead of a token.
    pub key: Option<KeyGrant>,
}

impl Member {
    /// A member with a verified token.
    pub fn by_token(identity: Identity, plan: Plan) -> Member {
        let Identity { user_id, email, email_verified, name, role } = identity;
        Member { user_id, email, email_verified, name, role, plan, key: None }
    }

    /// A member by an API key.
    pub fn by_key(access: &KeyAccess, plan: Plan) -> Member {
        Member {
            user_id: access.user_id.clone(),
            email: None,
            email_verified: false,
            name: None,
            role: None,
            plan,
            key: Some(access.grant()),
        }
    }

    /// What the token says about the address; nothing for a key, whose calls must not change what
    /// the last token said.
    pub fn email_claim(&self) -> Option<EmailClaim<'_>> {
        let address = self.email.as_deref();
        self.key.is_none().then_some(EmailClaim { address, is_verified: self.email_verified })
    }

    /// The context of a policy.
    pub(crate) fn into_context(self) -> Map<String, Value> {
        let scopes = self.key.as_ref().map(|key| {
            let names: Vec<&str> = key.scopes.iter().map(|scope| scope.into_str()).collect();
            names.join(" ")
        });
        let fields = [
            ("user_id", Some(self.user_id.to_string())),
            ("email", self.email),
            ("email_verified", self.email_verified.then(|| "true".to_owned())),
            ("name", self.name),
            ("role", self.role.map(|role| role.into_str().to_owned())),
            ("plan", Some(self.plan.into_str().to_owned())),
            ("key_id", self.key.map(|key| key.key_id.to_string())),
            ("scopes", scopes),
        ];
        let stated = fields.into_iter();
        stated.filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect()
    }

    /// The member of a context; `None` if it states none.
    pub(crate) fn of_context(fields: &HashMap<String, Value>) -> Result<Option<Member>, Fault> {
        let text = |name| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let Some(subject) = text("user_id").or_else(|| text("principalId")) else {
            return Ok(None);
        };
        let wrong = |what| Fault(format!("invalid {what} in the authorizer context"));
        let role = text("role").map(str::parse::<Role>).transpose().map_err(|_| wrong("role"))?;
        let plan = text("plan").map(str::parse::<Plan>).transpose().map_err(|_| wrong("plan"))?;
        let key_id = text("key_id").map(ApiKeyId::parse).transpose().map_err(|_| wrong("key"))?;
        let scopes = text("scopes").into_iter().flat_map(str::split_whitespace);
        let scopes: Result<BTreeSet<Scope>, _> = scopes.map(str::parse::<Scope>).collect();
        let scopes = scopes.map_err(|_| wrong("scopes"))?;
        let owned = |name| text(name).map(str::to_owned);
        Ok(Some(Member {
            user_id: UserId::parse(subject).map_err(|_| wrong("subject"))?,
            email: owned("email"),
            email_verified: text("email_verified") == Some("true"),
            name: owned("name"),
            role,
            plan: plan.unwrap_or(Plan::Free),
            key: key_id.map(|key_id| KeyGrant { key_id, scopes }),
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(context: &Value) -> Result<Option<Member>, Fault> {
        Member::of_context(&context.as_object().unwrap().clone().into_iter().collect())
    }

    #[test]
    fn a_context_states_the_member_that_was_verified() {
        let user_id = UserId::parse("user_kim").unwrap();
        let key_id = ApiKeyId::parse("key_01JD0000000000000000000000").unwrap();
        let scopes = BTreeSet::from([Scope::Read, Scope::Sell]);
        let access = KeyAccess {
            key_id,
            user_id: user_id.clone(),
            scopes,
            ends_at: None,
            last_used_at: None,
        };
        let by_key = Member::by_key(&access, Plan::Pro);
        assert_eq!(by_key.email_claim(), None);
        let (email, name) = (Some("kim@prolight.test".to_owned()), Some("Kim".to_owned()));
        let role = Some(Role::Moderator);
        let identity = Identity { user_id, email, email_verified: true, name, role };
        let by_token = Member::by_token(identity, Plan::Free);
        for member in [by_key, by_token] {
            let context = Value::Object(member.clone().into_context());
            assert_eq!(read(&context).unwrap(), Some(member));
        }
    }

    #[test]
    fn a_context_that_cannot_be_read_is_no_member_with_less() {
        assert_eq!(read(&json!({"integrationLatency": 12})).unwrap(), None);
        let key = "key_01JD0000000000000000000000";
        for wrong in [
            json!({"user_id": "a/b"}),
            json!({"user_id": "user_kim", "plan": "gold"}),
            json!({"user_id": "user_kim", "key_id": "key_1", "scopes": "read"}),
            json!({"user_id": "user_kim", "key_id": key, "scopes": "read everything"}),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
        let no_scope = read(&json!({"user_id": "user_kim", "key_id": key})).unwrap().unwrap();
        assert!(no_scope.key.unwrap().scopes.is_empty());
    }
}
