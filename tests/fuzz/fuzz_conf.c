/* A configuration file: read without harm; what is refused is refused with a
 * line that exists, what is accepted travels to the processes and back. */
#include <stdlib.h>
#include <string.h>

#include "readconf.h"
#include "section.h"
#include "gw/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define INPUT_MAX 65536

static int
lines(const uint8_t *p, size_t len)
{
	int n = 1;

	for (size_t i = 0; i < len; i++)
		n += p[i] == '\n';
	return n;
}

/* Too large for one message is refused later, by setup.c. */
static void
travel(const struct gw_conf *conf)
{
	static uint8_t buf[GW_PAYLOAD_MAX], again[GW_PAYLOAD_MAX];

	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];

		for (size_t j = 0; j < gw_section_count(conf, s); j++) {
			struct gw_wr w = gw_wr_init(buf, sizeof(buf));
			struct gw_wr w2 = gw_wr_init(again, sizeof(again));
			struct gw_conf other = { 0 };
			struct gw_rd r;

			gw_conf_encode(&w, s, gw_section_at(conf, s, j));
			if (w.bad)
				continue;
			r = gw_rd_init(buf, w.len);
			gw_assert(gw_conf_decode(&r, &other) == GW_ERR_OK);
			gw_conf_encode(&w2, s, gw_section_at(&other, s, 0));
			gw_assert(w2.len == w.len &&
				  memcmp(buf, again, w.len) == 0);
			gw_conf_clear(&other);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct gw_complaint c;
	struct gw_source src;
	struct gw_conf conf;
	char *text;

	if (len > INPUT_MAX)
		return 0;
	text = gw_xcalloc(len + 1, 1);
	memcpy(text, data, len);
	if (gw_readconf_text(text, len, &conf, &src, &c)) {
		travel(&conf);
		gw_conf_clear(&conf);
		gw_source_clear(&src);
	} else {
		gw_assert(c.text[0] != '\0');
		gw_assert(c.line >= 0 && c.line <= lines(data, len));
	}
	free(text);
	return 0;
}
