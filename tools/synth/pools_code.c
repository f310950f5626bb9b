/* The code blocks, by language. A blank line inside one cuts it in two for a reader of scraped
 * text, so each part has at least two lines and can't be taken for a heading. */
#include "pools.h"

const synth_snippet synth_snippets[] = {
    {"php", "$ttl = (int) config('cache.ttl', 300);\n"
            "return Cache::remember($cache_key, $ttl, fn () => $repository->load($id));"},
    {"php", "add_action('save_post', function (int $post_id): void {\n"
            "    wp_cache_delete('card_' . $post_id, 'cards');\n"
            "});"},
    {"javascript", "import express from 'express';\n"
                   "const app = express();\n"
                   "\n"
                   "app.get('/healthz', (req, res) => {\n"
                   "  res.json({ status: 'up', version: process.env.APP_VERSION });\n"
                   "});"},
    {"javascript", "const response = await fetch(apiUrl, { signal: AbortSignal.timeout(2000) });\n"
                   "if (!response.ok) throw new Error(`status ${response.status}`);"},
    {"typescript", "export async function loadPage(slug: string): Promise<Page | null> {\n"
                   "  const cached = pageCache.get(slug);\n"
                   "  return cached ?? fetchPage(slug, { retries: 1 });\n"
                   "}"},
    {"sql", "EXPLAIN SELECT id, title FROM posts\n"
            "WHERE status = 'live' AND updated_at > '2025-01-01'\n"
            "ORDER BY updated_at DESC LIMIT 20;"},
    {"sql", "CREATE INDEX idx_jobs_state ON jobs (state, run_at);\n"
            "ANALYZE jobs;"},
    {"text", "SET page:home:v1.2.3 \"ready\" EX 300\n"
             "TTL page:home:v1.2.3\n"
             "OBJECT IDLETIME page:home:v1.2.3"},
    {"text", "maxmemory 256mb\n"
             "maxmemory-policy allkeys-lru"},
    {"python", "from dataclasses import dataclass\n"
               "from time import monotonic\n"
               "\n"
               "@dataclass\n"
               "class Probe:\n"
               "    started_at: float = monotonic()"},
    {"python", "with timer.measure('load_orders'):\n"
               "    orders = repository.load_orders(limit=500)\n"
               "    logger.info('loaded', extra={'count': len(orders)})"},
    {"go", "ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)\n"
           "defer cancel()\n"
           "\n"
           "if err := store.Ping(ctx); err != nil {\n"
           "    http.Error(w, err.Error(), http.StatusServiceUnavailable)\n"
           "}"},
    {"rust", "fn read_limit(text: &str) -> Result<usize, ParseIntError> {\n"
             "    text.trim().parse::<usize>()\n"
             "}"},
    {"java", "@GetMapping(\"/status\")\n"
             "public Map<String, String> status() {\n"
             "    return Map.of(\"state\", healthCheck.currentState());\n"
             "}"},
    {"cpp", "std::lock_guard<std::mutex> hold(cache_mutex);\n"
            "auto found = entries.find(key);\n"
            "if (found == entries.end()) return std::nullopt;"},
    {"dockerfile", "FROM debian:12-slim\n"
                   "COPY build/app /usr/local/bin/app\n"
                   "HEALTHCHECK --interval=30s --timeout=3s CMD app --self-test"},
    {"yaml", "readinessProbe:\n"
             "  httpGet:\n"
             "    path: /healthz\n"
             "    port: 8080\n"
             "  periodSeconds: 10"},
    {"yaml", "timeout-minutes: 15\n"
             "concurrency:\n"
             "  group: deploy-production\n"
             "  cancel-in-progress: false"},
    {"nginx", "location /static/ {\n"
              "    expires 7d;\n"
              "    add_header Cache-Control \"public, immutable\";\n"
              "}"},
    {"bash", "set -euo pipefail\n"
             "curl --fail --silent --max-time 5 http://127.0.0.1:8080/healthz\n"
             "systemctl status app.service --no-pager"},
    {"bash", "backup_dir=/var/backups/$(date +%F)\n"
             "mkdir -p \"$backup_dir\" && rsync -a --delete data/ \"$backup_dir/\""},
    {"hcl", "resource \"local_file\" \"runbook\" {\n"
            "  filename = \"${path.module}/runbook.md\"\n"
            "  content  = var.runbook_text\n"
            "}"},
    {"json", "{\n"
             "  \"query\": { \"match\": { \"title\": \"cache rules\" } },\n"
             "  \"size\": 10\n"
             "}"},
    {"graphql", "query PostPage($id: ID!) {\n"
                "  post(id: $id) { title readingTime tags }\n"
                "}"},
    {"css", ".card {\n"
            "  padding: var(--space-2);\n"
            "  border: 1px solid var(--line-color);\n"
            "}"},
    {"ruby", "Rails.cache.fetch([\"card\", post.cache_key], expires_in: 5.minutes) do\n"
             "  CardPresenter.new(post).to_h\n"
             "end"},
};

const size_t synth_snippet_count = sizeof synth_snippets / sizeof synth_snippets[0];
