/* The problems: the site's 33 in the order of their numbers, and the words of composed ones.
 *
 * Post N takes problem N mod 33, so the order is part of what a post is: 28315 is 1 (making service
 * health visible), 25680 is 6 (choosing cache boundaries), 9715 and 18394 are 13 (debugging cache
 * invalidation). */
#include "pools.h"

const char *const synth_problems[SYNTH_PROBLEMS] = {
    "reducing slow queries",
    "making service health visible",
    "planning safe deployments",
    "cleaning up legacy configuration",
    "handling background jobs",
    "designing readable error messages",
    "choosing cache boundaries",
    "preparing database migrations",
    "tracing intermittent timeouts",
    "hardening file uploads",
    "rotating secrets without downtime",
    "writing useful runbooks",
    "limiting memory growth",
    "debugging cache invalidation",
    "structuring application logs",
    "testing rollback procedures",
    "protecting public endpoints",
    "splitting a large module",
    "keeping dependencies current",
    "measuring real user latency",
    "importing large data sets",
    "recovering from partial failures",
    "documenting operational decisions",
    "controlling queue backlogs",
    "validating user input",
    "removing flaky tests",
    "sharing configuration between environments",
    "scaling read traffic",
    "securing administrative access",
    "automating local setup",
    "verifying backup restores",
    "paginating long result lists",
    "scheduling maintenance windows",
};

const char *const synth_gerunds[SYNTH_GERUNDS] = {
    "auditing",   "trimming",    "naming",     "batching",   "isolating",  "profiling",
    "rehearsing", "simplifying", "versioning", "monitoring", "throttling", "sharding",
    "mirroring",  "retiring",    "budgeting",  "replaying",  "sampling",   "locking",
    "ordering",   "compressing", "labeling",  "migrating",  "caching",    "partitioning",
    "restoring",  "sanitizing",  "tuning",     "warming",    "expiring",   "comparing",
    "renaming",   "staging",
};

const char *const synth_objects[SYNTH_OBJECTS] = {
    "retry queues",      "access tokens",   "feature flags",     "search indexes",
    "session stores",    "health probes",   "build caches",      "log fields",
    "rate limits",       "upload folders",  "webhook handlers",  "cron entries",
    "image variants",    "error budgets",   "schema changes",    "connection pools",
    "release notes",     "lock files",      "audit trails",      "request headers",
    "worker pools",      "read replicas",   "test fixtures",     "mail templates",
    "cache keys",        "event streams",   "dead letters",      "shared settings",
    "user roles",        "export jobs",     "static assets",     "metric names",
    "alert rules",       "backup sets",     "service contracts", "cursor pages",
    "temporary tables",  "signed links",    "dns records",       "certificates",
    "container images",  "memory limits",   "shutdown hooks",    "startup checks",
    "query plans",       "stale branches",  "vendor packages",   "load balancers",
    "type definitions",  "form validators", "language files",    "archive folders",
    "payment callbacks", "message formats", "trace spans",       "storage buckets",
    "network policies",  "thread pools",    "view models",       "rollback scripts",
    "preview builds",    "content feeds",   "permission checks", "time zones",
};
