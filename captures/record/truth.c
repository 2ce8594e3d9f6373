/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The truth folder of a sample: every raw message, and exchanges.json with one object for each HTTP exchange. */
#include "truth.h"

#include <errno.h>
#include <string.h>

struct truth {
    char *directory;
    GString *json;  /* the objects so far, without the brackets around them */
    guint count;
};

gboolean truth_write(truth *t, const char *name, const void *data, gsize size, GError **error)
{
    g_autofree char *path = g_build_filename(t->directory, name, NULL);

    return g_file_set_contents(path, data, (gssize)size, error);
}

static gboolean write_exchanges(truth *t, GError **error)
{
    g_autofree char *whole = g_strdup_printf("[%s\n]\n", t->json->str);

    return truth_write(t, "exchanges.json", whole, strlen(whole), error);
}

truth *truth_open(const char *directory, GError **error)
{
    g_autoptr(truth) t = g_new0(truth, 1);

    t->directory = g_strdup(directory);
    t->json = g_string_new(NULL);
    if (g_mkdir_with_parents(directory, 0755) != 0) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "%s: %s", directory, g_strerror(errno));
        return NULL;
    }
    return write_exchanges(t, error) ? g_steal_pointer(&t) : NULL;
}

/* Appends "KEY": and TEXT as a JSON string or null. What is not UTF-8 came from a hostile client and is replaced. */
static void append_string(GString *json, const char *key, const char *text)
{
    g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

    g_string_append_printf(json, "\"%s\": ", key);
    if (!valid) {
        g_string_append(json, "null");
        return;
    }
    g_string_append_c(json, '"');
    for (const char *c = valid; *c; c++) {
        if (*c == '"' || *c == '\\')
            g_string_append_printf(json, "\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            g_string_append_printf(json, "\\u%04x", (unsigned)*c);
        else
            g_string_append_c(json, *c);
    }
    g_string_append_c(json, '"');
}

static const char *suffix(const char *type)
{
    static const struct {
        const char *type, *suffix;
    } known[] = {
        { "application/x-pki-message", "p7m" },
        { "application/x-x509-ca-cert", "der" },
        { "application/x-x509-ca-ra-cert", "p7b" },
        { "application/x-x509-next-ca-cert", "p7b" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
        if (g_strcmp0(type, known[i].type) == 0)
            return known[i].suffix;
    }
    return "txt";
}

/* Writes a message when there is one; its name goes to *NAME. */
static gboolean write_message(truth *t, const char *which, const char *extension, GBytes *bytes, char **name, GError **error)
{
    if (!bytes || g_bytes_get_size(bytes) == 0)
        return TRUE;
    *name = g_strdup_printf("%02u-%s.%s", t->count, which, extension);
    return truth_write(t, *name, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), error);
}

guint truth_add(truth *t, const struct exchange *exchange, GError **error)
{
    g_autofree char *request = NULL;
    g_autofree char *response = NULL;

    t->count++;
    if (!write_message(t, "request", "p7m", exchange->request, &request, error)
        || !write_message(t, "response", suffix(exchange->response_type), exchange->response, &response, error))
        return 0;
    g_string_append(t->json, t->count > 1 ? ",\n{" : "\n{");
    append_string(t->json, "operation", exchange->operation);
    g_string_append(t->json, ", ");
    append_string(t->json, "method", exchange->method);
    g_string_append(t->json, ", ");
    append_string(t->json, "message", exchange->message);
    if (exchange->status)
        g_string_append_printf(t->json, ", \"status\": %d, ", exchange->status);
    else
        g_string_append(t->json, ", \"status\": null, ");
    append_string(t->json, "request", request);
    g_string_append(t->json, ", ");
    append_string(t->json, "response", response);
    g_string_append(t->json, ", ");
    append_string(t->json, "response_type", exchange->response_type);
    g_string_append_c(t->json, '}');
    return write_exchanges(t, error) ? t->count : 0;
}

void truth_close(truth *t)
{
    g_free(t->directory);
    if (t->json)
        g_string_free(t->json, TRUE);
    g_free(t);
}
