//! Published and captured signatures: Alibaba Cloud's own example, what its Python client signed, and the older RPC form.

use bytes::Bytes;
use http::Request;

use super::super::{acs3, rpc};
use crate::sandbox::codec::form;
use crate::sandbox::world::model::ServiceError;

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const CATALOG: &str = "servicecatalog.cn-hangzhou.aliyuncs.com";
const UPDATE: &str = "Parameters.1.ParameterKey=instance_type&Parameters.1.ParameterValue=ecs.s6-c1m1.small&Parameters.2.ParameterKey=note&Parameters.2.ParameterValue=a+b%26c%3Dd%2Be~f%2Ag%2F%E4%B8%AD&ProductId=prod-bp18r7q127aaaa&ProductVersionId=pv-bp15e79d26aaaa&ProvisionedProductId=pp-bp1ddg1n2aaaaa&Tags.1.Key=k1&Tags.1.Value=v1&Tags.2.Key=team&Tags.2.Value=";

/// A request with the headers that every vector has, signed as its vector says.
struct Vector {
    host: &'static str,
    action: &'static str,
    version: &'static str,
    query: &'static str,
    body: &'static str,
    hash: &'static str,
    more: &'static [(&'static str, &'static str)],
    signature: &'static str,
}

impl Vector {
    fn request(&self, key: &str, date: &str, nonce: &str) -> Request<Bytes> {
        let mut headers = vec![
            ("host", self.host),
            ("x-acs-action", self.action),
            ("x-acs-content-sha256", self.hash),
            ("x-acs-date", date),
            ("x-acs-signature-nonce", nonce),
            ("x-acs-version", self.version),
        ];
        if !self.body.is_empty() {
            headers.push(("content-type", "application/x-www-form-urlencoded"));
        }
        headers.extend(self.more);
        headers.sort_unstable();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let mut request = Request::post(format!("https://{}/?{}", self.host, self.query));
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let proof =
            format!("ACS3-HMAC-SHA256 Credential={key},SignedHeaders={},Signature={}", names.join(";"), self.signature);
        request.header("authorization", proof).body(Bytes::from_static(self.body.as_bytes())).expect("a request")
    }
}

#[track_caller]
fn verify(request: &Request<Bytes>, secret: &str) -> Result<(), ServiceError> {
    acs3::verify(request, &acs3::authorization(request).expect("a header"), secret)
}

#[track_caller]
fn holds(vector: &Vector) {
    let request = vector.request("testid", "2026-01-02T03:04:05Z", "0123456789abcdef0123456789abcdef");
    assert_eq!(verify(&request, "testsecret"), Ok(()), "{}", vector.action);
    assert_eq!(verify(&request, "testsecreT").map_err(|e| e.code), Err("SignatureDoesNotMatch".into()));
}

#[test]
fn the_published_example() {
    let vector = Vector {
        host: "ecs.cn-shanghai.aliyuncs.com",
        action: "RunInstances",
        version: "2014-05-26",
        query: "RegionId=cn-shanghai&ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
        body: "",
        hash: EMPTY,
        more: &[],
        signature: "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
    };
    let request = vector.request("YourAccessKeyId", "2023-10-26T10:22:32Z", "3156853299f313e23d1673dc12e1703d");
    assert_eq!(verify(&request, "YourAccessKeySecret"), Ok(()));
}

const BASE: Vector = Vector {
    host: CATALOG,
    action: "",
    version: "2021-09-01",
    query: "",
    body: "",
    hash: EMPTY,
    more: &[],
    signature: "",
};

#[test]
fn parameters_in_the_query() {
    holds(&Vector {
        action: "GetProvisionedProduct",
        query: "ProvisionedProductId=pp-bp1ddg1n2aaaaa",
        signature: "d7f758bc6def969644d08dec7407b7a78c7989aa4eededbebf5d48e0e2b87091",
        ..BASE
    });
    let list = Vector {
        action: "ListProvisionedProducts",
        query: "AccessLevelFilter=Account&Filters.1.Key=ProvisionedProductName&Filters.1.Value=DEMO-ECS%20%E5%AE%9E%E4%BE%8B%2A~&PageNumber=1&PageSize=100&SortBy=CreateTime&SortOrder=Asc",
        signature: "f302f66a6635d809c3b90f395c8e1562de7b89e8caad7c19fa3e5f4e7861ba5e",
        ..BASE
    };
    holds(&list);
    // The same request with another line: a blank as `+`, a tilde and an asterisk the other way, and another order.
    holds(&Vector {
        query: "Filters.1.Value=DEMO-ECS+%E5%AE%9E%E4%BE%8B*%7E&AccessLevelFilter=Account&Filters.1.Key=ProvisionedProductName&PageNumber=1&PageSize=100&SortBy=CreateTime&SortOrder=Asc",
        ..list
    });
}

#[test]
fn parameters_in_the_body() {
    holds(&Vector {
        action: "UpdateProvisionedProduct",
        body: UPDATE,
        hash: "14209bed814b824581b5d91f9dfed97e7443f2ea451ac6b231e086738583c44e",
        signature: "2a9c40b6e4c8c1ef3603cda8c294ab26bbdcff344abe5da975a8380881553119",
        ..BASE
    });
    holds(&Vector {
        action: "GetProvisionedProductForResourceSpec",
        body: "ProvisionedProductId=pp-bp1ddg1n2aaaaa",
        hash: "b88222df437e91ab3a21c69e90eeeb26fb2623406e2c57e54205d143f5657829",
        signature: "fdad5a1294ee2ec24fd423bad33800848150e2fce271bd76f4c74f75e9615a20",
        ..BASE
    });
    holds(&Vector {
        host: "sts.aliyuncs.com",
        action: "AssumeRole",
        version: "2015-04-01",
        body: "DurationSeconds=3600&RoleArn=acs%3Aram%3A%3A1234567890123456%3Arole%2Ftenure&RoleSessionName=tenure",
        hash: "72880505553a2b70202c65280028882c8edfd4beee831d3771f1a8c670796d89",
        signature: "5310a170f783693dd8b8f7bf1050f438b3e9e7260af385be6a197dcacae44bcc",
        ..BASE
    });
}

#[test]
fn with_a_security_token() {
    holds(&Vector {
        action: "GetTask",
        body: "TaskId=task-bp1dmg242caaaa",
        hash: "f5f0628c8b31ffcc872fbd1666b5d710bccf12dd71f4b6b4af350cdf3a27e3cd",
        more: &[("x-acs-accesskey-id", "testid"), ("x-acs-security-token", "teststoken")],
        signature: "46d59922d35d55f7b2640ef568191cfafe128b8fda0aa606164a655a812c41a3",
        ..BASE
    });
}

/// What the official Python client put on the wire: it signs every header, and writes blanks as `+`.
#[test]
fn captured_requests() {
    const MORE: &[(&str, &str)] = &[
        ("accept", "application/json"),
        ("user-agent", "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2 tenure-test"),
        ("x-acs-credentials-provider", "static_ak"),
    ];
    holds(&Vector {
        host: "127.0.0.1:33903",
        action: "ListProvisionedProducts",
        query: "AccessLevelFilter=Account&Filters.1.Key=ProvisionedProductName&Filters.1.Value=DEMO-ECS+%E5%AE%9E%E4%BE%8B%2A&PageNumber=1&PageSize=100&SortBy=CreateTime&SortOrder=Asc",
        more: MORE,
        signature: "a3911783da9191c9462c4b3873ff317fbe5421c8e6ebb4d22cabd6cd6c7896ad",
        ..BASE
    });
    holds(&Vector {
        host: "127.0.0.1:33903",
        action: "UpdateProvisionedProduct",
        body: UPDATE,
        hash: "14209bed814b824581b5d91f9dfed97e7443f2ea451ac6b231e086738583c44e",
        more: MORE,
        signature: "5ad345c39c16e15993d88dbddf9f37feeefd26396eea069aefc6a4ae5650a20a",
        ..BASE
    });
}

/// The older signature, as the credentials libraries still make it for AssumeRole.
#[test]
fn the_older_signature() {
    let query = "AccessKeyId=testid&Action=AssumeRole&DurationSeconds=3600&Format=JSON&RoleArn=acs%3Aram%3A%3A1234567890123456%3Arole%2Ftenure&RoleSessionName=tenure&SignatureMethod=HMAC-SHA1&SignatureNonce=0123456789abcdef0123456789abcdef&SignatureVersion=1.0&Timestamp=2026-01-02T03%3A04%3A05Z&Version=2015-04-01&Signature=QSfAU9Gys9mJqNmAPa892YfXs6A%3D";
    let request = Request::get(format!("https://sts.aliyuncs.com/?{query}")).body(Bytes::new()).expect("a request");
    let parameters = form(query.as_bytes());
    assert_eq!(rpc::verify(&request, &parameters, "testsecret"), Ok(()));
    assert!(rpc::verify(&request, &parameters, "another").is_err());
}
