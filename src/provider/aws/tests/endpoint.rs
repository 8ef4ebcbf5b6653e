//! Every partition, with FIPS and dual-stack, as botocore 1.43's endpoint rule sets resolve it.

use super::*;
use crate::provider::aws::tests::target;

/// Service, region, FIPS, dual-stack, URL.
#[rustfmt::skip]
const TABLE: &[(&str, &str, bool, bool, &str)] = &[
    ("servicecatalog", "us-east-1", false, false, "https://servicecatalog.us-east-1.amazonaws.com"),
    ("servicecatalog", "us-east-1", true, false, "https://servicecatalog-fips.us-east-1.amazonaws.com"),
    ("servicecatalog", "us-east-1", false, true, "https://servicecatalog.us-east-1.api.aws"),
    ("servicecatalog", "us-east-1", true, true, "https://servicecatalog-fips.us-east-1.api.aws"),
    ("servicecatalog", "eu-west-1", false, false, "https://servicecatalog.eu-west-1.amazonaws.com"),
    ("servicecatalog", "eu-west-1", true, false, "https://servicecatalog-fips.eu-west-1.amazonaws.com"),
    ("servicecatalog", "eu-west-1", false, true, "https://servicecatalog.eu-west-1.api.aws"),
    ("servicecatalog", "eu-west-1", true, true, "https://servicecatalog-fips.eu-west-1.api.aws"),
    ("servicecatalog", "cn-north-1", false, false, "https://servicecatalog.cn-north-1.amazonaws.com.cn"),
    ("servicecatalog", "cn-north-1", true, false, "https://servicecatalog-fips.cn-north-1.amazonaws.com.cn"),
    ("servicecatalog", "cn-north-1", false, true, "https://servicecatalog.cn-north-1.api.amazonwebservices.com.cn"),
    ("servicecatalog", "cn-north-1", true, true, "https://servicecatalog-fips.cn-north-1.api.amazonwebservices.com.cn"),
    ("servicecatalog", "us-gov-west-1", false, false, "https://servicecatalog.us-gov-west-1.amazonaws.com"),
    ("servicecatalog", "us-gov-west-1", true, false, "https://servicecatalog-fips.us-gov-west-1.amazonaws.com"),
    ("servicecatalog", "us-gov-west-1", false, true, "https://servicecatalog.us-gov-west-1.api.aws"),
    ("servicecatalog", "us-gov-west-1", true, true, "https://servicecatalog-fips.us-gov-west-1.api.aws"),
    ("servicecatalog", "us-gov-east-1", false, false, "https://servicecatalog.us-gov-east-1.amazonaws.com"),
    ("servicecatalog", "us-gov-east-1", true, false, "https://servicecatalog-fips.us-gov-east-1.amazonaws.com"),
    ("servicecatalog", "us-gov-east-1", false, true, "https://servicecatalog.us-gov-east-1.api.aws"),
    ("servicecatalog", "us-gov-east-1", true, true, "https://servicecatalog-fips.us-gov-east-1.api.aws"),
    ("servicecatalog", "eusc-de-east-1", false, false, "https://servicecatalog.eusc-de-east-1.amazonaws.eu"),
    ("servicecatalog", "eusc-de-east-1", true, false, "https://servicecatalog-fips.eusc-de-east-1.amazonaws.eu"),
    ("servicecatalog", "eusc-de-east-1", false, true, "https://servicecatalog.eusc-de-east-1.api.amazonwebservices.eu"),
    ("servicecatalog", "eusc-de-east-1", true, true, "https://servicecatalog-fips.eusc-de-east-1.api.amazonwebservices.eu"),
    ("servicecatalog", "us-iso-east-1", false, false, "https://servicecatalog.us-iso-east-1.c2s.ic.gov"),
    ("servicecatalog", "us-iso-east-1", true, false, "https://servicecatalog-fips.us-iso-east-1.c2s.ic.gov"),
    ("servicecatalog", "us-iso-east-1", false, true, "https://servicecatalog.us-iso-east-1.api.aws.ic.gov"),
    ("servicecatalog", "us-iso-east-1", true, true, "https://servicecatalog-fips.us-iso-east-1.api.aws.ic.gov"),
    ("servicecatalog", "us-isob-east-1", false, false, "https://servicecatalog.us-isob-east-1.sc2s.sgov.gov"),
    ("servicecatalog", "us-isob-east-1", true, false, "https://servicecatalog-fips.us-isob-east-1.sc2s.sgov.gov"),
    ("servicecatalog", "us-isob-east-1", false, true, "https://servicecatalog.us-isob-east-1.api.aws.scloud"),
    ("servicecatalog", "us-isob-east-1", true, true, "https://servicecatalog-fips.us-isob-east-1.api.aws.scloud"),
    ("servicecatalog", "eu-isoe-west-1", false, false, "https://servicecatalog.eu-isoe-west-1.cloud.adc-e.uk"),
    ("servicecatalog", "eu-isoe-west-1", true, false, "https://servicecatalog-fips.eu-isoe-west-1.cloud.adc-e.uk"),
    ("servicecatalog", "eu-isoe-west-1", false, true, "https://servicecatalog.eu-isoe-west-1.api.cloud-aws.adc-e.uk"),
    ("servicecatalog", "eu-isoe-west-1", true, true, "https://servicecatalog-fips.eu-isoe-west-1.api.cloud-aws.adc-e.uk"),
    ("servicecatalog", "us-isof-south-1", false, false, "https://servicecatalog.us-isof-south-1.csp.hci.ic.gov"),
    ("servicecatalog", "us-isof-south-1", true, false, "https://servicecatalog-fips.us-isof-south-1.csp.hci.ic.gov"),
    ("servicecatalog", "us-isof-south-1", false, true, "https://servicecatalog.us-isof-south-1.api.aws.hci.ic.gov"),
    ("servicecatalog", "us-isof-south-1", true, true, "https://servicecatalog-fips.us-isof-south-1.api.aws.hci.ic.gov"),
    ("cloudformation", "us-east-1", false, false, "https://cloudformation.us-east-1.amazonaws.com"),
    ("cloudformation", "us-east-1", true, false, "https://cloudformation-fips.us-east-1.amazonaws.com"),
    ("cloudformation", "us-east-1", false, true, "https://cloudformation.us-east-1.api.aws"),
    ("cloudformation", "us-east-1", true, true, "https://cloudformation-fips.us-east-1.api.aws"),
    ("cloudformation", "eu-west-1", false, false, "https://cloudformation.eu-west-1.amazonaws.com"),
    ("cloudformation", "eu-west-1", true, false, "https://cloudformation-fips.eu-west-1.amazonaws.com"),
    ("cloudformation", "eu-west-1", false, true, "https://cloudformation.eu-west-1.api.aws"),
    ("cloudformation", "eu-west-1", true, true, "https://cloudformation-fips.eu-west-1.api.aws"),
    ("cloudformation", "cn-north-1", false, false, "https://cloudformation.cn-north-1.amazonaws.com.cn"),
    ("cloudformation", "cn-north-1", true, false, "https://cloudformation-fips.cn-north-1.amazonaws.com.cn"),
    ("cloudformation", "cn-north-1", false, true, "https://cloudformation.cn-north-1.api.amazonwebservices.com.cn"),
    ("cloudformation", "cn-north-1", true, true, "https://cloudformation-fips.cn-north-1.api.amazonwebservices.com.cn"),
    ("cloudformation", "us-gov-west-1", false, false, "https://cloudformation.us-gov-west-1.amazonaws.com"),
    ("cloudformation", "us-gov-west-1", true, false, "https://cloudformation.us-gov-west-1.amazonaws.com"),
    ("cloudformation", "us-gov-west-1", false, true, "https://cloudformation.us-gov-west-1.api.aws"),
    ("cloudformation", "us-gov-west-1", true, true, "https://cloudformation-fips.us-gov-west-1.api.aws"),
    ("cloudformation", "us-gov-east-1", false, false, "https://cloudformation.us-gov-east-1.amazonaws.com"),
    ("cloudformation", "us-gov-east-1", true, false, "https://cloudformation.us-gov-east-1.amazonaws.com"),
    ("cloudformation", "us-gov-east-1", false, true, "https://cloudformation.us-gov-east-1.api.aws"),
    ("cloudformation", "us-gov-east-1", true, true, "https://cloudformation-fips.us-gov-east-1.api.aws"),
    ("cloudformation", "eusc-de-east-1", false, false, "https://cloudformation.eusc-de-east-1.amazonaws.eu"),
    ("cloudformation", "eusc-de-east-1", true, false, "https://cloudformation-fips.eusc-de-east-1.amazonaws.eu"),
    ("cloudformation", "eusc-de-east-1", false, true, "https://cloudformation.eusc-de-east-1.api.amazonwebservices.eu"),
    ("cloudformation", "eusc-de-east-1", true, true, "https://cloudformation-fips.eusc-de-east-1.api.amazonwebservices.eu"),
    ("cloudformation", "us-iso-east-1", false, false, "https://cloudformation.us-iso-east-1.c2s.ic.gov"),
    ("cloudformation", "us-iso-east-1", true, false, "https://cloudformation-fips.us-iso-east-1.c2s.ic.gov"),
    ("cloudformation", "us-iso-east-1", false, true, "https://cloudformation.us-iso-east-1.api.aws.ic.gov"),
    ("cloudformation", "us-iso-east-1", true, true, "https://cloudformation-fips.us-iso-east-1.api.aws.ic.gov"),
    ("cloudformation", "us-isob-east-1", false, false, "https://cloudformation.us-isob-east-1.sc2s.sgov.gov"),
    ("cloudformation", "us-isob-east-1", true, false, "https://cloudformation-fips.us-isob-east-1.sc2s.sgov.gov"),
    ("cloudformation", "us-isob-east-1", false, true, "https://cloudformation.us-isob-east-1.api.aws.scloud"),
    ("cloudformation", "us-isob-east-1", true, true, "https://cloudformation-fips.us-isob-east-1.api.aws.scloud"),
    ("cloudformation", "eu-isoe-west-1", false, false, "https://cloudformation.eu-isoe-west-1.cloud.adc-e.uk"),
    ("cloudformation", "eu-isoe-west-1", true, false, "https://cloudformation-fips.eu-isoe-west-1.cloud.adc-e.uk"),
    ("cloudformation", "eu-isoe-west-1", false, true, "https://cloudformation.eu-isoe-west-1.api.cloud-aws.adc-e.uk"),
    ("cloudformation", "eu-isoe-west-1", true, true, "https://cloudformation-fips.eu-isoe-west-1.api.cloud-aws.adc-e.uk"),
    ("cloudformation", "us-isof-south-1", false, false, "https://cloudformation.us-isof-south-1.csp.hci.ic.gov"),
    ("cloudformation", "us-isof-south-1", true, false, "https://cloudformation-fips.us-isof-south-1.csp.hci.ic.gov"),
    ("cloudformation", "us-isof-south-1", false, true, "https://cloudformation.us-isof-south-1.api.aws.hci.ic.gov"),
    ("cloudformation", "us-isof-south-1", true, true, "https://cloudformation-fips.us-isof-south-1.api.aws.hci.ic.gov"),
    ("sts", "us-east-1", false, false, "https://sts.us-east-1.amazonaws.com"),
    ("sts", "us-east-1", true, false, "https://sts-fips.us-east-1.amazonaws.com"),
    ("sts", "us-east-1", false, true, "https://sts.us-east-1.api.aws"),
    ("sts", "us-east-1", true, true, "https://sts-fips.us-east-1.api.aws"),
    ("sts", "eu-west-1", false, false, "https://sts.eu-west-1.amazonaws.com"),
    ("sts", "eu-west-1", true, false, "https://sts-fips.eu-west-1.amazonaws.com"),
    ("sts", "eu-west-1", false, true, "https://sts.eu-west-1.api.aws"),
    ("sts", "eu-west-1", true, true, "https://sts-fips.eu-west-1.api.aws"),
    ("sts", "cn-north-1", false, false, "https://sts.cn-north-1.amazonaws.com.cn"),
    ("sts", "cn-north-1", true, false, "https://sts-fips.cn-north-1.amazonaws.com.cn"),
    ("sts", "cn-north-1", false, true, "https://sts.cn-north-1.api.amazonwebservices.com.cn"),
    ("sts", "cn-north-1", true, true, "https://sts-fips.cn-north-1.api.amazonwebservices.com.cn"),
    ("sts", "us-gov-west-1", false, false, "https://sts.us-gov-west-1.amazonaws.com"),
    ("sts", "us-gov-west-1", true, false, "https://sts.us-gov-west-1.amazonaws.com"),
    ("sts", "us-gov-west-1", false, true, "https://sts.us-gov-west-1.api.aws"),
    ("sts", "us-gov-west-1", true, true, "https://sts-fips.us-gov-west-1.api.aws"),
    ("sts", "us-gov-east-1", false, false, "https://sts.us-gov-east-1.amazonaws.com"),
    ("sts", "us-gov-east-1", true, false, "https://sts.us-gov-east-1.amazonaws.com"),
    ("sts", "us-gov-east-1", false, true, "https://sts.us-gov-east-1.api.aws"),
    ("sts", "us-gov-east-1", true, true, "https://sts-fips.us-gov-east-1.api.aws"),
    ("sts", "eusc-de-east-1", false, false, "https://sts.eusc-de-east-1.amazonaws.eu"),
    ("sts", "eusc-de-east-1", true, false, "https://sts-fips.eusc-de-east-1.amazonaws.eu"),
    ("sts", "eusc-de-east-1", false, true, "https://sts.eusc-de-east-1.api.amazonwebservices.eu"),
    ("sts", "eusc-de-east-1", true, true, "https://sts-fips.eusc-de-east-1.api.amazonwebservices.eu"),
    ("sts", "us-iso-east-1", false, false, "https://sts.us-iso-east-1.c2s.ic.gov"),
    ("sts", "us-iso-east-1", true, false, "https://sts-fips.us-iso-east-1.c2s.ic.gov"),
    ("sts", "us-iso-east-1", false, true, "https://sts.us-iso-east-1.api.aws.ic.gov"),
    ("sts", "us-iso-east-1", true, true, "https://sts-fips.us-iso-east-1.api.aws.ic.gov"),
    ("sts", "us-isob-east-1", false, false, "https://sts.us-isob-east-1.sc2s.sgov.gov"),
    ("sts", "us-isob-east-1", true, false, "https://sts-fips.us-isob-east-1.sc2s.sgov.gov"),
    ("sts", "us-isob-east-1", false, true, "https://sts.us-isob-east-1.api.aws.scloud"),
    ("sts", "us-isob-east-1", true, true, "https://sts-fips.us-isob-east-1.api.aws.scloud"),
    ("sts", "eu-isoe-west-1", false, false, "https://sts.eu-isoe-west-1.cloud.adc-e.uk"),
    ("sts", "eu-isoe-west-1", true, false, "https://sts-fips.eu-isoe-west-1.cloud.adc-e.uk"),
    ("sts", "eu-isoe-west-1", false, true, "https://sts.eu-isoe-west-1.api.cloud-aws.adc-e.uk"),
    ("sts", "eu-isoe-west-1", true, true, "https://sts-fips.eu-isoe-west-1.api.cloud-aws.adc-e.uk"),
    ("sts", "us-isof-south-1", false, false, "https://sts.us-isof-south-1.csp.hci.ic.gov"),
    ("sts", "us-isof-south-1", true, false, "https://sts-fips.us-isof-south-1.csp.hci.ic.gov"),
    ("sts", "us-isof-south-1", false, true, "https://sts.us-isof-south-1.api.aws.hci.ic.gov"),
    ("sts", "us-isof-south-1", true, true, "https://sts-fips.us-isof-south-1.api.aws.hci.ic.gov"),
];

#[test]
fn all_partitions() {
    for (name, region, use_fips, use_dualstack, expected) in TABLE {
        let services = [Service::Catalog, Service::CloudFormation, Service::Sts];
        let service = services.into_iter().find(|service| service.name() == *name).expect("a known service");
        let target =
            Target { region: (*region).to_owned(), use_fips: *use_fips, use_dualstack: *use_dualstack, ..target() };
        let found = url(service, &target);
        assert_eq!(found.as_deref(), Ok(*expected), "{name} {region} fips {use_fips} dual-stack {use_dualstack}");
    }
}

#[test]
fn one_url_stands_for_every_service() {
    let target = Target { endpoint: Endpoint::Url("http://127.0.0.1:4566/".to_owned()), use_fips: true, ..target() };
    for service in [Service::Catalog, Service::CloudFormation, Service::Sts] {
        assert_eq!(url(service, &target).as_deref(), Ok("http://127.0.0.1:4566"));
    }
}

#[test]
fn a_region_cannot_lead_elsewhere() {
    for region in ["", "evil.example/", "eu-west-1@evil", "EU-WEST-1"] {
        let target = Target { region: region.to_owned(), ..target() };
        let problem = url(Service::Catalog, &target).expect_err("not a region");
        assert_eq!(problem.place, Some(target.place));
    }
}
