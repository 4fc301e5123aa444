/* SPDX-License-Identifier: MIT
 *
 * framing_narrow - the receivers of framed strings where size_t has 32 bits,
 * or as good as that: see framing_narrow.h. There the sum of a length and a
 * prefix may be smaller than either of them.
 *
 * Status 0: all is well; 1: it is not, and the reason is on standard error.
 * Linked with --wrap=malloc.
 */
#include "framing_narrow.h"

#include "lengths/int_receiver.h"
#include "lengths/netstring_receiver.h"

#define CHECK(truth) check(truth, #truth, __LINE__)

static unsigned strings, allocations, losses, aborts;
static unsigned long largest; /* allocation, bytes */

static void check(bool truth, const char *text, int line)
{
    if (truth)
        return;
    fprintf(stderr, "not so: %s (line %d)\n", text, line);
    exit(1);
}

void *__real_malloc(unsigned long bytes);
void *__wrap_malloc(unsigned long bytes);

void *__wrap_malloc(unsigned long bytes)
{
    allocations++;
    if (bytes > largest)
        largest = bytes;
    return __real_malloc(bytes);
}

static void lose_connection(struct transport *self)
{
    (void)self;
    losses++;
}

static void abort_connection(struct transport *self)
{
    (void)self;
    aborts++;
}

static const struct transport_class Nowhere = {
    .lose_connection = lose_connection,
    .abort_connection = abort_connection,
};

static void int_received(struct int_receiver *self, const char *string,
                         size_t length)
{
    (void)self, (void)string, (void)length;
    strings++;
}

static void netstring_received(struct netstring_receiver *self,
                               const char *string, size_t length)
{
    (void)self, (void)string, (void)length;
    strings++;
}

static void forget(void)
{
    strings = allocations = losses = aborts = 0;
    largest = 0;
}

static void receive_int(size_t most, const char *prefix, size_t cut,
                        const char *body)
{
    const struct int_receiver_class class = { .max_length = most,
                                              .string_received = int_received };
    struct transport transport = { &Nowhere };
    struct int_receiver self = { .base = { .class = &class.base,
                                           .transport = &transport } };

    forget();
    int_receiver_data_received(&self.base, prefix, cut);
    int_receiver_data_received(&self.base, prefix + cut, 4 - cut);
    int_receiver_data_received(&self.base, body, (size_t)strlen(body));
    int_receiver_connection_lost(&self.base, (struct failure){ 0 });
}

static void receive_netstring(size_t most, const char *text, size_t cut)
{
    const struct netstring_receiver_class class = { .max_length = most,
                                                    .string_received =
                                                        netstring_received };
    struct transport transport = { &Nowhere };
    struct netstring_receiver self = { .base = { .class = &class.base,
                                                 .transport = &transport } };
    size_t length = (size_t)strlen(text);

    forget();
    netstring_receiver_data_received(&self.base, text, cut);
    netstring_receiver_data_received(&self.base, text + cut, length - cut);
    netstring_receiver_connection_lost(&self.base, (struct failure){ 0 });
}

int main(void)
{
    static const char *const prefixes[] = {
        "\x80\0\0\0",       "\x7f\xff\xff\xff", "\xff\xff\xff\xff",
        "\xff\xff\xff\xfc", "\xff\xff\xff\xfb", "\xff\xff\xff\xfd"
    };
    static const char *const texts[] = { "2147483648:x,", "4294967295:x,",
                                         "4294967294:x,", "4294967284:x,",
                                         "4294967285:,," };
    static const char *const too_much[] = { "4294967296:x,", "4294967297:x,",
                                            "42949672960:x,", "6442450945:x," };

    CHECK(sizeof(size_t) == 4);
    for (unsigned i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
        for (unsigned cut = 0; cut < 4; cut++) {
            receive_int(0, prefixes[i], cut, "some bytes");
            CHECK(strings == 0 && losses == 1 && aborts == 0);
            CHECK(allocations == (cut > 0));
            receive_int(UINT32_MAX, prefixes[i], cut, "some bytes");
            CHECK(strings == 0 && losses == 0 && aborts == 0);
            CHECK(allocations == 1 && largest < 1024);
        }
    for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        for (unsigned cut = 0; cut < strlen(texts[i]); cut++) {
            receive_netstring(0, texts[i], cut);
            CHECK(strings == 0 && losses == 1 && aborts == 0);
            CHECK(allocations <= (cut > 0) && largest < 1024);
            receive_netstring(UINT32_MAX, texts[i], cut);
            CHECK(strings == 0 && losses == 0 && aborts == 0);
            CHECK(allocations == 1 && largest < 1024);
        }
    for (unsigned i = 0; i < sizeof(too_much) / sizeof(*too_much); i++) {
        receive_netstring(UINT32_MAX, too_much[i], 0);
        CHECK(strings == 0 && losses == 1 && allocations == 0);
    }
    receive_int(0, "\0\0\0\1", 0, "x");
    CHECK(strings == 1 && losses == 0);
    receive_netstring(0, "1:x,", 0);
    CHECK(strings == 1 && losses == 0);
    return 0;
}
