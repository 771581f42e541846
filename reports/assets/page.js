(function () {
"use strict";
var root = document.documentElement, button = document.getElementById("theme");
var order = ["auto", "light", "dark"], key = "coldbench.theme", now = "auto";
function keep(v) { try { localStorage.setItem(key, v); } catch (e) { /* a file may have no storage */ } }
function kept() { try { return localStorage.getItem(key); } catch (e) { return null; } }
function theme(v) {
  now = order.indexOf(v) < 0 ? "auto" : v;
  root.setAttribute("data-theme", now);
  button.textContent = "Theme: " + now;
}
button.hidden = false;
button.addEventListener("click", function () { theme(order[(order.indexOf(now) + 1) % 3]); keep(now); });
theme(kept() || "auto");

var data = document.getElementById("curves"), box = document.getElementById("cursor-box");
if (!data || !box) { return; }
var steps = JSON.parse(data.textContent), at = -1;
var out = document.getElementById("cursor-reading"), idle = out.textContent;
function charts() { return box.querySelectorAll("svg[data-x0]"); }
function show(i, say) {
  at = i;
  charts().forEach(function (s) {
    var line = s.querySelector(".cursor");
    if (i < 0) { line.classList.remove("on"); return; }
    var x = +s.getAttribute("data-x0") + +s.getAttribute("data-dx") * steps[i].x;
    line.setAttribute("x1", x); line.setAttribute("x2", x); line.classList.add("on");
  });
  out.setAttribute("aria-live", say ? "polite" : "off");
  out.textContent = i < 0 ? idle : steps[i].text;
  if (i >= 0) { box.setAttribute("aria-valuenow", i); box.setAttribute("aria-valuetext", steps[i].text); }
}
box.addEventListener("keydown", function (e) {
  var to = at;
  if (e.key === "ArrowRight" || e.key === "ArrowUp") { to = Math.min(at + 1, steps.length - 1); }
  else if (e.key === "ArrowLeft" || e.key === "ArrowDown") { to = Math.max(at - 1, 0); }
  else if (e.key === "Home") { to = 0; }
  else if (e.key === "End") { to = steps.length - 1; }
  else if (e.key === "Escape") { to = -1; }
  else { return; }
  e.preventDefault();
  show(to, true);
});
box.addEventListener("pointermove", function (e) {
  var s = e.target.closest ? e.target.closest("svg[data-x0]") : null;
  if (!s) { return; }
  var r = s.getBoundingClientRect(), x = (e.clientX - r.left) * s.viewBox.baseVal.width / r.width;
  var v = (x - +s.getAttribute("data-x0")) / +s.getAttribute("data-dx"), best = 0;
  steps.forEach(function (p, i) { if (Math.abs(p.x - v) < Math.abs(steps[best].x - v)) { best = i; } });
  if (best !== at) { show(best, false); }
});
box.addEventListener("pointerleave", function () { if (document.activeElement !== box) { show(-1, false); } });
})();
