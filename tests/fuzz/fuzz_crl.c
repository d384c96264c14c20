/* Any bytes as a revocation list: parsed or refused, and a list that parses
 * can be asked about any serial number. The first bytes are the serial. */
#include <stdint.h>

#include "crl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct gw_crl *c;
	struct gw_crl_entry entry;
	struct gw_error err;

	if (len < 4 ||
	    gw_crl_parse(data + 4, len - 4, &c, &err) != GW_ERR_OK)
		return 0;
	if (gw_crl_look_up(c, data, 4, &entry, &err) == GW_ERR_OK)
		gw_assert(entry.is_listed || entry.when == 0);
	gw_assert(gw_crl_get0_x509(c) != NULL);
	gw_assert(gw_crl_next_update(c) != 0);
	gw_crl_free(c);
	return 0;
}
