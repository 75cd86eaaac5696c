//! Which AWS services have service-linked roles, and what those are called (the services' pages on
//! "Using service-linked roles").
//!
//! A service that is not here has none: nobody could give its role policies, since a service-linked
//! role is only its service's to change. That goes for services that an operator registered too, which
//! ordinary roles can trust.

use crate::entity::Role;
use crate::names::{Constrained as _, Path};

/// A service with a service-linked role.
#[derive(Debug)]
pub(crate) struct LinkedService {
    /// The service principal.
    pub(crate) principal: &'static str,
    /// What follows `AWSServiceRoleFor` in the role's name.
    role: &'static str,
    /// The name of the AWS-managed policy that the role has, at the path [`Role::SERVICE_LINKED`].
    policy: &'static str,
}

/// The services that take a custom suffix, and so may have several roles.
const SUFFIXED: [&str; 3] = [
    "autoscaling.amazonaws.com",
    "connect.amazonaws.com",
    "lexv2.amazonaws.com",
];

impl LinkedService {
    /// The service of that principal, whose letter case counts.
    pub(crate) fn of(principal: &str) -> Option<&'static Self> {
        SERVICES
            .iter()
            .find(|service| service.principal == principal)
    }

    /// Whether a role's name may end with a suffix of the customer's.
    pub(crate) fn takes_suffix(&self) -> bool {
        SUFFIXED.contains(&self.principal)
    }

    /// The name of the role, with a suffix or without.
    pub(crate) fn role_name(&self, suffix: Option<&str>) -> String {
        let name = format!("AWSServiceRoleFor{}", self.role);
        match suffix {
            Some(suffix) => format!("{name}_{suffix}"),
            None => name,
        }
    }

    /// The ARN of the policy that the role has.
    pub(crate) fn policy_arn(&self) -> String {
        format!(
            "arn:aws:iam::aws:policy{}{}",
            Role::SERVICE_LINKED,
            self.policy
        )
    }

    /// The path of the role.
    pub(crate) fn path(&self) -> Option<Path> {
        Path::parse(&format!("{}{}/", Role::SERVICE_LINKED, self.principal)).ok()
    }

    /// The trust policy of the role.
    pub(crate) fn trust_policy(&self) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":["{}"]}},"Action":["sts:AssumeRole"]}}]}}"#,
            self.principal
        )
    }
}

macro_rules! services {
    ($($principal:literal $role:literal $policy:literal;)*) => {
        static SERVICES: &[LinkedService] = &[$(LinkedService {
            principal: concat!($principal, ".amazonaws.com"),
            role: $role,
            policy: $policy,
        },)*];
    };
}

services! {
    "access-analyzer" "AccessAnalyzer" "AccessAnalyzerServiceRolePolicy";
    "accountdiscovery.ssm" "AmazonSSM_AccountDiscovery" "AWSSystemsManagerAccountDiscoveryServicePolicy";
    "acm" "CertificateManager" "CertificateManagerServiceRolePolicy";
    "airflow" "AmazonMWAA" "AmazonMWAAServiceRolePolicy";
    "apidestinations.events" "AmazonEventBridgeApiDestinations" "AmazonEventBridgeApiDestinationsServiceRolePolicy";
    "application-insights" "ApplicationInsights" "CloudwatchApplicationInsightsServiceLinkedRolePolicy";
    "application-signals.cloudwatch" "CloudWatchApplicationSignals" "CloudWatchApplicationSignalsServiceRolePolicy";
    "appmesh" "AppMesh" "AWSAppMeshServiceRolePolicy";
    "apprunner" "AppRunner" "AppRunnerServiceRolePolicy";
    "appstream.application-autoscaling" "ApplicationAutoScaling_AppStreamFleet" "AWSApplicationAutoscalingAppStreamFleetPolicy";
    "appsync" "AppSync" "AWSAppSyncServiceRolePolicy";
    "auditmanager" "AuditManager" "AWSAuditManagerServiceRolePolicy";
    "autoscaling" "AutoScaling" "AutoScalingServiceRolePolicy";
    "autoscaling-plans" "AutoScalingPlans_EC2AutoScaling" "AWSAutoScalingPlansEC2AutoScalingPolicy";
    "backup" "Backup" "AWSBackupServiceLinkedRolePolicyForBackup";
    "batch" "Batch" "BatchServiceRolePolicy";
    "braket" "AmazonBraket" "AmazonBraketServiceRolePolicy";
    "cassandra.application-autoscaling" "ApplicationAutoScaling_CassandraTable" "AWSApplicationAutoscalingCassandraTablePolicy";
    "cks.kms" "KeyManagementServiceCustomKeyStores" "AWSKeyManagementServiceCustomKeyStoresServiceRolePolicy";
    "cloud9" "AWSCloud9" "AWSCloud9ServiceRolePolicy";
    "cloudhsm" "CloudHSM" "CloudHSMServiceRolePolicy";
    "cloudtrail" "CloudTrail" "CloudTrailServiceRolePolicy";
    "cloudwatch-crossaccount" "CloudWatchCrossAccount" "CloudWatch-CrossAccountAccess";
    "codeguru-reviewer" "AmazonCodeGuruReviewer" "AmazonCodeGuruReviewerServiceRolePolicy";
    "codestar-notifications" "CodeStarNotifications" "AWSCodeStarNotificationsServiceRolePolicy";
    "cognito-idp" "AmazonCognitoIdp" "AmazonCognitoIdpServiceRolePolicy";
    "comprehend.application-autoscaling" "ApplicationAutoScaling_ComprehendEndpoint" "AWSApplicationAutoscalingComprehendEndpointPolicy";
    "compute-optimizer" "ComputeOptimizer" "ComputeOptimizerServiceRolePolicy";
    "config" "Config" "AWSConfigServiceRolePolicy";
    "config-conforms" "ConfigConforms" "ConfigConformsServiceRolePolicy";
    "config-multiaccountsetup" "ConfigMultiAccountSetup" "AWSConfigMultiAccountSetupPolicy";
    "connect" "AmazonConnect" "AmazonConnectServiceLinkedRolePolicy";
    "continuousexport.discovery" "ApplicationDiscoveryServiceContinuousExport" "ApplicationDiscoveryServiceContinuousExportServiceRolePolicy";
    "contributorinsights.dynamodb" "DynamoDBCloudWatchContributorInsights" "DynamoDBCloudWatchContributorInsightsServiceRolePolicy";
    "cost-optimization-hub.bcm" "CostOptimizationHub" "CostOptimizationHubServiceRolePolicy";
    "custom-resource.application-autoscaling" "ApplicationAutoScaling_CustomResource" "AWSApplicationAutoScalingCustomResourcePolicy";
    "custom.rds" "RDSCustom" "AmazonRDSCustomServiceRolePolicy";
    "dax" "DAX" "DAXServiceRolePolicy";
    "detective" "Detective" "AmazonDetectiveServiceLinkedRolePolicy";
    "devops-guru" "DevOpsGuru" "AmazonDevOpsGuruServiceRolePolicy";
    "directconnect" "DirectConnect" "AWSDirectConnectServiceRolePolicy";
    "drs" "ElasticDisasterRecovery" "AWSElasticDisasterRecoveryServiceRolePolicy";
    "dynamodb.application-autoscaling" "ApplicationAutoScaling_DynamoDBTable" "AWSApplicationAutoscalingDynamoDBTablePolicy";
    "ec2-instance-connect" "EC2InstanceConnect" "Ec2InstanceConnectEndpoint";
    "ec2.application-autoscaling" "ApplicationAutoScaling_EC2SpotFleetRequest" "AWSApplicationAutoscalingEC2SpotFleetRequestPolicy";
    "ec2fleet" "EC2Fleet" "AWSEC2FleetServiceRolePolicy";
    "ecs" "ECS" "AmazonECSServiceRolePolicy";
    "ecs.application-autoscaling" "ApplicationAutoScaling_ECSService" "AWSApplicationAutoscalingECSServicePolicy";
    "eks" "AmazonEKS" "AmazonEKSServiceRolePolicy";
    "eks-connector" "AmazonEKSConnector" "AmazonEKSConnectorServiceRolePolicy";
    "eks-fargate" "AmazonEKSForFargate" "AmazonEKSForFargateServiceRolePolicy";
    "eks-nodegroup" "AmazonEKSNodegroup" "AWSServiceRoleForAmazonEKSNodegroup";
    "elasticache" "ElastiCache" "ElastiCacheServiceRolePolicy";
    "elasticache.application-autoscaling" "ApplicationAutoScaling_ElastiCacheRG" "AWSApplicationAutoscalingElastiCacheRGPolicy";
    "elasticbeanstalk" "ElasticBeanstalk" "AWSElasticBeanstalkServiceRolePolicy";
    "elasticfilesystem" "AmazonElasticFileSystem" "AmazonElasticFileSystemServiceRolePolicy";
    "elasticloadbalancing" "ElasticLoadBalancing" "AWSElasticLoadBalancingServiceRolePolicy";
    "elasticmapreduce" "EMRCleanup" "AmazonEMRCleanupPolicy";
    "email.cognito-idp" "AmazonCognitoIdpEmailService" "AmazonCognitoIdpEmailServiceRolePolicy";
    "emr-containers" "AmazonEMRContainers" "AmazonEMRContainersServiceRolePolicy";
    "es" "AmazonElasticsearchService" "AmazonElasticsearchServiceRolePolicy";
    "event-processor.health" "Health_EventProcessor" "AWSHealth_EventProcessorServiceRolePolicy";
    "events" "CloudWatchEvents" "CloudWatchEventsServiceRolePolicy";
    "fis" "FIS" "AmazonFISServiceRolePolicy";
    "fms" "FMS" "FMSServiceRolePolicy";
    "fsx" "AmazonFSx" "AmazonFSxServiceRolePolicy";
    "globalaccelerator" "GlobalAccelerator" "AWSGlobalAcceleratorSLRPolicy";
    "grafana" "AmazonGrafana" "AmazonGrafanaServiceLinkedRolePolicy";
    "guardduty" "AmazonGuardDuty" "AmazonGuardDutyServiceRolePolicy";
    "imagebuilder" "ImageBuilder" "AWSServiceRoleForImageBuilder";
    "inspector" "AmazonInspector" "AmazonInspectorServiceRolePolicy";
    "inspector2" "AmazonInspector2" "AmazonInspector2ServiceRolePolicy";
    "internetmonitor" "InternetMonitor" "CloudWatchInternetMonitorServiceRolePolicy";
    "ipam" "IPAM" "AWSIPAMServiceRolePolicy";
    "kafka" "Kafka" "KafkaServiceRolePolicy";
    "kafka.application-autoscaling" "ApplicationAutoScaling_KafkaCluster" "AWSApplicationAutoscalingKafkaClusterPolicy";
    "kafkaconnect" "KafkaConnect" "KafkaConnectServiceRolePolicy";
    "kinesisreplication.dynamodb" "DynamoDBKinesisDataStreamsReplication" "DynamoDBKinesisReplicationServiceRolePolicy";
    "lakeformation" "LakeFormationDataAccess" "LakeFormationDataAccessServiceRolePolicy";
    "lambda.application-autoscaling" "ApplicationAutoScaling_LambdaConcurrency" "AWSApplicationAutoscalingLambdaConcurrencyPolicy";
    "lex" "LexBots" "AmazonLexBotPolicy";
    "lexv2" "LexV2Bots" "AmazonLexV2BotPolicy";
    "license-management.marketplace" "MarketplaceLicenseManagement" "AWSMarketplaceLicenseManagementServiceRolePolicy";
    "license-manager" "AWSLicenseManagerRole" "AWSLicenseManagerServiceRolePolicy";
    "lightsail" "Lightsail" "LightsailExportAccess";
    "logger.cloudfront" "CloudFrontLogger" "AWSCloudFrontLogger";
    "macie" "AmazonMacie" "AmazonMacieServiceRolePolicy";
    "malware-protection.guardduty" "AmazonGuardDutyMalwareProtection" "AmazonGuardDutyMalwareProtectionServiceRolePolicy";
    "managedupdates.elasticbeanstalk" "ElasticBeanstalkManagedUpdates" "AWSElasticBeanstalkManagedUpdatesServiceRolePolicy";
    "management.chatbot" "AWSChatbot" "AWSChatbotServiceLinkedRolePolicy";
    "member.org.stacksets.cloudformation" "CloudFormationStackSetsOrgMember" "CloudFormationStackSetsOrgMemberServiceRolePolicy";
    "memorydb" "MemoryDB" "MemoryDBServiceRolePolicy";
    "mgn" "ApplicationMigrationService" "AWSApplicationMigrationServiceRolePolicy";
    "migrationhub" "MigrationHub" "MigrationHubServiceRolePolicy";
    "mq" "AmazonMQ" "AmazonMQServiceRolePolicy";
    "mrk.kms" "KeyManagementServiceMultiRegionKeys" "AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy";
    "neptune.application-autoscaling" "ApplicationAutoScaling_NeptuneCluster" "AWSApplicationAutoscalingNeptuneClusterPolicy";
    "network-firewall" "NetworkFirewall" "NetworkFirewallServiceRolePolicy";
    "networking.apprunner" "AppRunnerNetworking" "AppRunnerNetworkingServiceRolePolicy";
    "networkmanager" "NetworkManager" "AWSNetworkManagerServiceRolePolicy";
    "observability.aoss" "AmazonOpenSearchServerless" "AmazonOpenSearchServerlessServiceRolePolicy";
    "opensearchservice" "AmazonOpenSearchService" "AmazonOpenSearchServiceRolePolicy";
    "ops.apigateway" "APIGateway" "APIGatewayServiceRolePolicy";
    "ops.emr-serverless" "AmazonEMRServerless" "AmazonEMRServerlessServiceRolePolicy";
    "opsdatasync.ssm" "SystemsManagerOpsDataSync" "AWSSystemsManagerOpsDataSyncServiceRolePolicy";
    "organizations" "Organizations" "AWSOrganizationsServiceTrustPolicy";
    "pullthroughcache.ecr" "ECRPullThroughCache" "AWSECRPullThroughCache_ServiceRolePolicy";
    "ram" "ResourceAccessManager" "AWSResourceAccessManagerServiceRolePolicy";
    "rds" "RDS" "AmazonRDSServiceRolePolicy";
    "rds.application-autoscaling" "ApplicationAutoScaling_RDSCluster" "AWSApplicationAutoscalingRDSClusterPolicy";
    "redshift" "Redshift" "AmazonRedshiftServiceLinkedRolePolicy";
    "replication.cassandra" "AmazonKeyspacesReplication" "KeyspacesReplicationServiceRolePolicy";
    "replication.dynamodb" "DynamoDBReplication" "DynamoDBReplicationServiceRolePolicy";
    "replication.ecr" "ECRReplication" "ECRReplicationServiceRolePolicy";
    "replicator.lambda" "LambdaReplicator" "AWSLambdaReplicator";
    "reporting.trustedadvisor" "TrustedAdvisorReporting" "AWSTrustedAdvisorReportingServiceRolePolicy";
    "reports.backup" "BackupReports" "AWSServiceRolePolicyForBackupReports";
    "resource-explorer-2" "ResourceExplorer" "AWSResourceExplorerServiceRolePolicy";
    "restore-testing.backup" "BackupRestoreTesting" "AWSServiceRolePolicyForBackupRestoreTesting";
    "route53-recovery-readiness" "Route53RecoveryReadiness" "Route53RecoveryReadinessServiceRolePolicy";
    "route53resolver" "Route53Resolver" "Route53ResolverServiceRolePolicy";
    "rum" "CloudWatchRUM" "AmazonCloudWatchRUMServiceRolePolicy";
    "sagemaker.application-autoscaling" "ApplicationAutoScaling_SageMakerEndpoint" "AWSApplicationAutoscalingSageMakerEndpointPolicy";
    "securityhub" "SecurityHub" "AWSSecurityHubServiceRolePolicy";
    "securitylake" "SecurityLake" "SecurityLakeServiceLinkedRole";
    "servicecatalog-appregistry" "AWSServiceCatalogAppRegistry" "AWSServiceCatalogAppRegistryServiceRolePolicy";
    "servicequotas" "ServiceQuotas" "ServiceQuotasServiceRolePolicy";
    "shield" "AWSShield" "AWSShieldServiceRolePolicy";
    "spot" "EC2Spot" "AWSEC2SpotServiceRolePolicy";
    "spotfleet" "EC2SpotFleet" "AWSEC2SpotFleetServiceRolePolicy";
    "ssm" "AmazonSSM" "AmazonSSMServiceRolePolicy";
    "ssm-incidents" "IncidentManager" "AWSIncidentManagerServiceRolePolicy";
    "sso" "SSO" "AWSSSOServiceRolePolicy";
    "stacksets.cloudformation" "CloudFormationStackSetsOrgAdmin" "CloudFormationStackSetsOrgAdminServiceRolePolicy";
    "storage-lens.s3" "S3StorageLens" "S3StorageLensServiceRolePolicy";
    "support" "Support" "AWSSupportServiceRolePolicy";
    "transitgateway" "VPCTransitGateway" "AWSVPCTransitGatewayServiceRolePolicy";
    "trustedadvisor" "TrustedAdvisor" "AWSTrustedAdvisorServiceRolePolicy";
    "vpc-lattice" "VpcLattice" "AWSVpcLatticeServiceRolePolicy";
    "waf" "WAFLogging" "WAFLoggingServiceRolePolicy";
    "waf-regional" "WAFRegionalLogging" "WAFRegionalLoggingServiceRolePolicy";
    "wafv2" "WAFV2Logging" "WAFV2LoggingServiceRolePolicy";
    "workspaces-web" "AmazonWorkSpacesWeb" "AmazonWorkSpacesWebServiceRolePolicy";
    "workspaces.application-autoscaling" "ApplicationAutoScaling_WorkSpacesPool" "AWSApplicationAutoscalingWorkSpacesPoolPolicy";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::RoleName;
    use locum_policy::{Kind, Policy};

    #[test]
    fn every_row_makes_a_role_that_can_be() {
        for service in SERVICES {
            let name = service.role_name(None);
            assert!(RoleName::parse(&name).is_ok(), "{name}");
            assert!(service.path().is_some(), "{name}");
            let trust = Policy::parse(&service.trust_policy(), Kind::Trust);
            assert!(trust.is_ok(), "{name}");
        }
    }

    #[test]
    fn rows_are_sorted_and_no_two_are_of_one_service_or_role() {
        let mut names: Vec<_> = SERVICES.iter().map(|it| it.role_name(None)).collect();
        assert!(SERVICES.is_sorted_by(
            |one, other| one.principal.trim_end_matches(".amazonaws.com")
                < other.principal.trim_end_matches(".amazonaws.com")
        ));
        names.sort();
        names.dedup();
        assert_eq!(names.len(), SERVICES.len());
        assert!(
            SUFFIXED
                .iter()
                .all(|name| LinkedService::of(name).is_some())
        );
    }
}
