// A stand-in for AWS's runtime client of Java, which can't be had without Maven
// Central, under its main class: it loads the handler from the working
// directory and its lib folder, as that does, and speaks the Runtime API.
package com.amazonaws.services.lambda.runtime.api.client;

import java.io.File;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.HttpURLConnection;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

public class AWSLambda {
    private static final String API = "http://" + System.getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/";

    public static void main(String[] args) throws Exception {
        List<URL> urls = new ArrayList<>();
        File task = new File(System.getProperty("user.dir"));
        urls.add(task.toURI().toURL());
        File[] jars = new File(task, "lib").listFiles((dir, name) -> name.endsWith(".jar"));
        for (File jar : jars == null ? new File[0] : jars) urls.add(jar.toURI().toURL());
        ClassLoader loader = new URLClassLoader(urls.toArray(new URL[0]), ClassLoader.getSystemClassLoader());
        String[] handler = args[0].split("::");
        Method method = loader.loadClass(handler[0]).getMethod(handler[1], String.class);
        // What the test asks about: the arguments of the machine and its class path.
        System.setProperty("seen", ManagementFactory.getRuntimeMXBean().getInputArguments() + " " + System.getProperty("java.class.path"));
        while (true) {
            HttpURLConnection next = (HttpURLConnection) new URL(API + "invocation/next").openConnection();
            String id = next.getHeaderField("Lambda-Runtime-Aws-Request-Id");
            String event;
            try (InputStream in = next.getInputStream()) {
                event = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            }
            try {
                post(id, "response", (String) method.invoke(null, event));
            } catch (InvocationTargetException e) {
                Throwable cause = e.getCause();
                post(id, "error", "{\"errorMessage\":\"" + cause.getMessage() + "\",\"errorType\":\"" + cause.getClass().getName() + "\"}");
            }
        }
    }

    private static void post(String id, String what, String body) throws Exception {
        HttpURLConnection c = (HttpURLConnection) new URL(API + "invocation/" + id + "/" + what).openConnection();
        c.setDoOutput(true);
        try (OutputStream out = c.getOutputStream()) {
            out.write(body.getBytes(StandardCharsets.UTF_8));
        }
        try (InputStream in = c.getInputStream()) {
            in.readAllBytes();
        }
    }
}
