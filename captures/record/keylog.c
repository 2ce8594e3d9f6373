/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Preloaded into a dynamically linked OpenSSL 3 program (nginx), it writes the
 * TLS secrets of every session, in the NSS key log format that Wireshark reads,
 * to the file that $SSLKEYLOGFILE names.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>

#include <openssl/ssl.h>

static int keylog_fd = -1;

/* Opened before main(): nginx clears the environment of its workers, but they
 * inherit the descriptor. */
__attribute__((constructor)) static void keylog_open(void)
{
    const char *path = getenv("SSLKEYLOGFILE");

    if (path)
        keylog_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

/* One writev() a line, so that lines of several processes do not mix. */
static void keylog_write(const SSL *ssl, const char *line)
{
    struct iovec parts[] = {
        { (void *)line, __builtin_strlen(line) },
        { (void *)"\n", 1 },
    };

    (void)ssl;
    if (writev(keylog_fd, parts, 2) < 0)
        abort();
}

static SSL_CTX *keylog_watch(SSL_CTX *ctx)
{
    if (ctx && keylog_fd >= 0)
        SSL_CTX_set_keylog_callback(ctx, keylog_write);
    return ctx;
}

SSL_CTX *SSL_CTX_new(const SSL_METHOD *method)
{
    SSL_CTX *(*real)(const SSL_METHOD *) = dlsym(RTLD_NEXT, "SSL_CTX_new");

    return keylog_watch(real(method));
}

SSL_CTX *SSL_CTX_new_ex(OSSL_LIB_CTX *libctx, const char *propq, const SSL_METHOD *method)
{
    SSL_CTX *(*real)(OSSL_LIB_CTX *, const char *, const SSL_METHOD *) =
        dlsym(RTLD_NEXT, "SSL_CTX_new_ex");

    return keylog_watch(real(libctx, propq, method));
}
