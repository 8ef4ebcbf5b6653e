//! Other people in an account of Alibaba Cloud: they approve, reject, and launch what nobody expects.
//!
//! Their requests are signed here and not by the program, and none of them goes over the program's line.

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tenure::model::Cloud;

use crate::clouds::account;
use crate::world::World;

const HOST: &str = "servicecatalog.cn-hangzhou.aliyuncs.com";
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl World {
    /// What the service answers to somebody, and whether it did as it was asked.
    pub async fn ask(&self, principal: &str, action: &str, fields: &[(&str, &str)]) -> Result<Value, Value> {
        let who = self.sandbox.credentials(account(Cloud::Alibaba), Some(principal)).unwrap();
        let clock = self.sandbox.clock();
        let escape = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
        let body: Vec<String> =
            fields.iter().map(|(key, value)| format!("{}={}", escape(key), escape(value))).collect();
        let body = body.join("&");
        let hash = hex::encode(Sha256::digest(&body));
        let (date, nonce) = (clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), format!("{:x}", clock.nonce()));
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("host", HOST),
            ("x-acs-action", action),
            ("x-acs-content-sha256", &hash),
            ("x-acs-date", &date),
            ("x-acs-signature-nonce", &nonce),
            ("x-acs-version", "2021-09-01"),
        ];
        let names = headers.map(|(name, _)| name).join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!("POST\n/\n\n{lines}\n{names}\n{hash}");
        let to_sign = format!("ACS3-HMAC-SHA256\n{}", hex::encode(Sha256::digest(canonical)));
        let mut mac = Hmac::<Sha256>::new_from_slice(who.secret_access_key.as_bytes()).unwrap();
        mac.update(to_sign.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let proof =
            format!("ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={signature}", who.access_key_id);
        let mut request = Request::post(format!("https://{HOST}/")).header("authorization", proof);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Bytes::from(body)).unwrap();
        let answer = self.sandbox.transport().send(request).await.map_err(|error| Value::from(error.to_string()))?;
        let value: Value = serde_json::from_slice(answer.body()).unwrap();
        if answer.status().is_success() { Ok(value) } else { Err(value) }
    }

    /// Plans of the account, with all that the service tells of each.
    pub async fn plans(&self, filter: (&str, &str)) -> Vec<Value> {
        let answer = self.ask("approver", "ListProvisionedProductPlans", &[filter, ("PageSize", "100")]).await;
        answer.map_or_else(|_| Vec::new(), |answer| answer["PlanDetails"].as_array().unwrap().clone())
    }

    /// Somebody approves or rejects everything that waits for him.
    pub async fn decide(&self, approve: bool) {
        for plan in self.plans(("ApprovalFilter", "ReceivedRequests")).await {
            let action = if approve { "Approve" } else { "Reject" };
            let fields = [("PlanId", plan["PlanId"].as_str().unwrap()), ("ApprovalAction", action)];
            let _ = self.ask("approver", "ApproveProvisionedProductPlan", &fields).await;
        }
    }
}
