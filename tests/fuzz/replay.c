/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Gives files, and the files in folders, to a harness: "replay FILE|FOLDER…".
 */
#include <stdio.h>

#include "fuzz.h"

/* Returns the number of inputs that were run. */
static unsigned
replay(const char *path)
{
    GDir       *folder = g_dir_open(path, 0, NULL);
    const char *name;
    char       *contents;
    gsize       length;
    unsigned    count = 0;

    if (!folder) {
        GError *error = NULL;

        if (!g_file_get_contents(path, &contents, &length, &error))
            g_error("%s", error->message);
        printf("%s\n", path);
        fflush(stdout); /* before a crash */
        LLVMFuzzerTestOneInput((const uint8_t *)contents, length);
        g_free(contents);
        return 1;
    }
    while ((name = g_dir_read_name(folder)) != NULL) {
        char *inner = g_build_filename(path, name, NULL);

        count += replay(inner);
        g_free(inner);
    }
    g_dir_close(folder);
    return count;
}

int
main(int argc, char **argv)
{
    unsigned count = 0;

    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        count += replay(argv[i]);
    printf("%u inputs\n", count);
    return count > 0 ? 0 : 1;
}
