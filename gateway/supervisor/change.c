/* change.c — see change.h. */
#include "change.h"
#include "gw/conf.h"
#include "gw/util.h"

#include <string.h>

static const char *
set_mode(const char *mode, struct gw_admin *out)
{
	if (mode == NULL)
		return NULL;
	out->flags |= GW_ADMIN_HAS_MODE;
	out->ocsp_mode = strcmp(mode, "override") == 0 ? GW_OCSP_OVERRIDE
						       : GW_OCSP_FAILOVER;
	return strcmp(mode, "override") == 0 || strcmp(mode, "failover") == 0
		       ? NULL : "ocsp_mode is failover or override";
}

static const char *
set_url(const char *url, struct gw_admin *out)
{
	if (url == NULL)
		return NULL;
	out->flags |= GW_ADMIN_HAS_URL;
	return gw_copy(out->ocsp_url, sizeof(out->ocsp_url), url)
		       ? NULL : "ocsp_url is longer than 1023 bytes";
}

static const char *
set_pem(const char *pem, struct gw_admin *out)
{
	if (pem == NULL)
		return NULL;
	out->pem = (const uint8_t *)pem;
	out->pem_len = strlen(pem);
	return out->pem_len <= GW_ADMIN_PEM_MAX
		       ? NULL : "pem is longer than 24576 bytes";
}

const char *
gw_change_read(const char *body, size_t len, struct gw_admin *out,
	       json_t **keep)
{
	const char *pem = NULL, *url = NULL, *mode = NULL, *wrong;
	int is_short = 0, force = 0;

	*keep = len > 0 ? json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL)
			: json_object();
	if (*keep == NULL ||
	    json_unpack(*keep, "{s?s, s?s, s?s, s?b, s?b !}", "pem", &pem,
			"ocsp_url", &url, "ocsp_mode", &mode, "allow_short",
			&is_short, "force", &force) != 0)
		return "the body is an object with any of pem, ocsp_url, "
		       "ocsp_mode, allow_short and force";
	out->flags |= (is_short != 0 ? GW_ADMIN_ALLOW_SHORT : 0u) |
		      (force != 0 ? GW_ADMIN_FORCE : 0u);
	wrong = set_mode(mode, out);
	if (wrong == NULL)
		wrong = set_url(url, out);
	return wrong != NULL ? wrong : set_pem(pem, out);
}

json_t *
gw_change_answer(const struct gw_admin_done *d)
{
	if (d->error == GW_ADMIN_OK)
		return json_pack("{s:s, s:I}", "id", d->id, "sessions_ended",
				 (json_int_t)d->ended);
	return json_pack("{s:s, s:s, s:s, s:s}", "error",
			 gw_admin_err_name(d->error), "detail", d->detail,
			 "cause", gw_admin_err_cause(d->error), "cure",
			 gw_admin_err_cure(d->error));
}
