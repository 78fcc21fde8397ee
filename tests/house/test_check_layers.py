"""The layer check itself: every rule turns red on a tree that breaks it, and green on one that does not."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).parents[2] / "tools" / "check_layers.py"


def run(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder, "agentmesh", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True)
        return done.returncode, done.stdout


class CheckLayers(unittest.TestCase):
    def assert_refused(self, name, text, words):
        code, out = run({name: text})
        self.assertEqual(code, 1, out)
        self.assertIn(words, out)

    def test_a_clean_tree_passes(self):
        code, out = run({
            "relay/server.hpp": "#include <agentmesh/wire/frame.hpp>\n// std::chrono::system_clock::now()\n",
            "net/driver.hpp": "#include <asio.hpp>\nauto t = std::chrono::system_clock::now();\n",
            "crypto/random.hpp": "#include <sodium.h>\nvoid f() { randombytes_buf(p, n); }\n",
            "ws/upgrade.hpp": "#include <agentmesh/crypto/legacy.hpp>\n",
        })
        self.assertEqual((code, out), (0, ""))

    def test_an_upward_include_is_refused(self):
        self.assert_refused("core/json.hpp", "#include <agentmesh/relay/server.hpp>\n", "core/ may not include relay/")

    def test_siblings_stay_apart(self):
        self.assert_refused("ws/frame.hpp", "#include <agentmesh/wire/frame.hpp>\n", "ws/ may not include wire/")
        self.assert_refused("ws/frame.hpp", "#include <agentmesh/crypto/aead.hpp>\n", "ws/ may use only")

    def test_foreign_libraries_stay_behind_their_doors(self):
        self.assert_refused("relay/server.hpp", "#include <asio/post.hpp>\n", "Asio outside net/")
        self.assert_refused("identity/keys.hpp", "#include <sodium.h>\n", "libsodium outside crypto/")
        self.assert_refused("net/driver.hpp", "#include <openssl/ssl.h>\n", "OpenSSL outside its files")

    def test_clocks_and_randomness_stay_behind_their_doors(self):
        self.assert_refused("relay/server.hpp", "auto t = std::chrono::steady_clock::now();\n", "system clock")
        self.assert_refused("relay/auth.hpp", "randombytes_buf(p, 32);\n", "system randomness")
        self.assert_refused("ws/frame.hpp", "std::random_device d;\n", "system randomness")

    def test_the_umbrella_is_for_users_only(self):
        self.assert_refused("wire/frame.hpp", "#include <agentmesh/agentmesh.hpp>\n", "umbrella")

    def test_an_unknown_folder_is_refused(self):
        self.assert_refused("util/misc.hpp", "#include <string>\n", "no place in the layer table")


if __name__ == "__main__":
    unittest.main()
