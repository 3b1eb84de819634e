// The web service: serves the page, takes logins to `config`, passes /mqtt on to the broker. It holds no
// code, no hash and no right of its own: what a browser may see is decided by the broker account its session
// was given.
#ifndef EDGEWATT_WEB_WEB_H
#define EDGEWATT_WEB_WEB_H

// `edgewatt web --data DIR`; see `edgewatt web --help`.
int web_main(int argc, char **argv);

#endif
