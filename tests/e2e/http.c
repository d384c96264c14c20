/* http.c — see http.h. */
#include "http.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>
#include <strings.h>

struct sink {
	char *p;
	size_t len;
};

struct sinks { /* the handle's private pointer */
	struct sink head, body;
};

static size_t
take(char *data, size_t size, size_t n, void *arg)
{
	struct sink *s = arg;

	s->p = gw_xrealloc(s->p, s->len + size * n + 1, 1);
	memcpy(s->p + s->len, data, size * n);
	s->len += size * n;
	s->p[s->len] = '\0';
	return size * n;
}

static struct sinks *
sinks_new(void)
{
	struct sinks *s = gw_xcalloc(1, sizeof(*s));

	s->head.p = gw_xstrdup("");
	s->body.p = gw_xstrdup("");
	return s;
}

CURL *
handle_new(void)
{
	CURL *h = curl_easy_init();

	gw_assert(h != NULL);
	return h;
}

static long
version_of(int tls)
{
	switch (tls) {
	case 12:
		return CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2;
	case 13:
		return CURL_SSLVERSION_TLSv1_3 | CURL_SSLVERSION_MAX_TLSv1_3;
	default:
		return CURL_SSLVERSION_TLSv1_2;
	}
}

static void
set_headers(CURL *h, const struct ask *a)
{
	struct curl_slist *l = NULL;

	if (a->accept != NULL)
		l = curl_slist_append(l, text("Accept: %s", a->accept));
	for (size_t i = 0; a->headers != NULL && a->headers[i] != NULL; i++)
		l = curl_slist_append(l, a->headers[i]);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, l);
}

/* The gateway's name is in nobody's DNS: its address is told. */
static void
set_target(CURL *h, const struct ask *a)
{
	const char *base = a->base != NULL ? a->base : lab("GATEWAY_URL");
	const char *path = a->path != NULL ? a->path : "/echo/";
	size_t len = strlen(base);

	len -= len > 0 && base[len - 1] == '/';
	curl_easy_setopt(h, CURLOPT_URL, text("%.*s%s", (int)len, base,
					      path));
	curl_easy_setopt(h, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(h, CURLOPT_CONNECT_TO,
			 curl_slist_append(NULL, text("::%s:",
						      lab("GATEWAY_ADDR"))));
	curl_easy_setopt(h, CURLOPT_PROXY, "");
}

static void
set_tls(CURL *h, const struct ask *a)
{
	curl_easy_setopt(h, CURLOPT_CAINFO, lab("CA_FILE"));
	curl_easy_setopt(h, CURLOPT_SSLVERSION, version_of(a->tls));
	curl_easy_setopt(h, CURLOPT_HTTP_VERSION,
			 (long)CURL_HTTP_VERSION_1_1);
	if (a->card == NULL)
		return;
	curl_easy_setopt(h, CURLOPT_SSLCERT, lab_cert(a->card));
	curl_easy_setopt(h, CURLOPT_SSLKEY, lab_key(a->card));
}

void
handle_set(CURL *h, const struct ask *a, struct answer *out)
{
	struct sinks *s = sinks_new();

	*out = (struct answer){ .code = CURLE_OK };
	curl_easy_setopt(h, CURLOPT_PRIVATE, s);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, out->error);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS,
			 (long)(a->timeout_ms != 0 ? a->timeout_ms : 60000));
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, &s->body);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, take);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, &s->head);
	set_target(h, a);
	set_tls(h, a);
	set_headers(h, a);
}

void
handle_run(CURL *h, struct answer *out)
{
	uint64_t from = now_ms();
	struct sinks *s = NULL;
	char *type = NULL;

	out->code = curl_easy_perform(h);
	out->took_ms = (int)(now_ms() - from);
	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &out->status);
	curl_easy_getinfo(h, CURLINFO_NUM_CONNECTS, &out->connects);
	curl_easy_getinfo(h, CURLINFO_CONTENT_TYPE, &type);
	out->type = gw_xstrdup(type != NULL ? type : "");
	curl_easy_getinfo(h, CURLINFO_PRIVATE, (char **)&s);
	out->head = s->head.p;
	out->body = s->body.p;
	out->body_len = s->body.len;
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, NULL);
}

struct answer
fetch(struct ask a)
{
	CURL *h = a.handle != NULL ? a.handle : handle_new();
	struct answer out;

	handle_set(h, &a, &out);
	handle_run(h, &out);
	if (a.handle == NULL)
		curl_easy_cleanup(h);
	return out;
}

json_t *
json_of(const struct answer *a)
{
	json_error_t e;
	json_t *v = json_loadb(a->body, a->body_len, 0, &e);

	if (v == NULL)
		cr_assert_fail("curl %d (%s), status %ld: not JSON (%s): "
			       "%.300s", (int)a->code, a->error, a->status,
			       e.text, a->body);
	return v;
}

const char *
json_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

const char *
reason_of(const struct answer *a)
{
	if (a->status == 200)
		return "ok";
	if (a->code != CURLE_OK || a->body_len == 0)
		return a->error;
	return json_text(json_of(a), "reason");
}

static const char *
find_field(const json_t *echo, const char *name, size_t *count)
{
	const json_t *fields = json_object_get(echo, "headers"), *pair;
	const char *value = NULL;
	size_t i;

	*count = 0;
	json_array_foreach(fields, i, pair) {
		const char *k = json_string_value(json_array_get(pair, 0));

		if (k == NULL || strcasecmp(k, name) != 0)
			continue;
		if ((*count)++ == 0)
			value = json_string_value(json_array_get(pair, 1));
	}
	return value;
}

size_t
field_count(const json_t *echo, const char *name)
{
	size_t n;

	(void)find_field(echo, name, &n);
	return n;
}

const char *
field_value(const json_t *echo, const char *name)
{
	size_t n;

	return find_field(echo, name, &n);
}
